"""A figure drawn from its numbers, as the files show it."""

import matplotlib.pyplot as plt

from homotopy.plotting import house_style


def drawn(module, data):
    """The axes."""
    with house_style():
        figure = plt.figure()
        module.draw(data, figure)
        figure.canvas.draw()
    axes = list(figure.axes)
    plt.close(figure)
    return axes
