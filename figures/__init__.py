"""The notes' figures, each from a computation to PDF, PNG and the numbers shown.

`python -m figures` makes them all; `python -m figures.fig04_phase_portraits` one of them. Every
module `figNN_name` has `compute(fast=False) -> dict`, numbers that a JSON file holds, and
`draw(data, figure)`, which sees nothing else.
"""

NAMES = (
    "fig01_gaps",
    "fig02_homotopy",
    "fig03_perceptron_paths",
    "fig04_phase_portraits",
    "fig05_deletion_time",
    "fig06_diabetes",
    "fig07_optimal_schedules",
    "fig08_synthesis_map",
    "fig09_certificate",
    "fig10_optimal_portraits",
    "fig11_diabetes_gains",
    "fig12_perceptron_homotopy",
    "fig13_learned_schedules",
    "fig14_perceptron_answers",
    "fig15_diabetes_perceptron",
    "fig16_estimators",
    "fig17_groups",
    "fig18_pbrf",
    "fig19_mislabelled",
    "fig20_influence_in_time",
    "fig21_work_and_distance",
    "fig22_tightness",
    "fig23_noise_budget",
    "fig24_soft_weights",
    "fig25_removal_curves",
    "fig26_value_errors",
    "fig27_values_in_training",
    "fig28_bayesian_influence",
    "fig29_singular_networks",
    "fig30_learning_in_stages",
    "fig31_double_descent",
    "fig32_influence_in_high_dimension",
)
# In the order in which they begin: those of the notes, then the longest first, so that in the end
# no process waits for another.
_NOTES = NAMES[:4]
_LONG = (
    "fig14_perceptron_answers",
    "fig13_learned_schedules",
    "fig29_singular_networks",
    "fig11_diabetes_gains",
    "fig09_certificate",
)
ORDER = (*_NOTES, *_LONG, *(name for name in NAMES if name not in _NOTES + _LONG))
