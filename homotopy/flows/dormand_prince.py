"""The explicit Runge–Kutta method of order eight of Dormand and Prince, with two estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from diffrax import ThirdOrderHermitePolynomialInterpolation
from jax import lax
from jaxtyping import PyTree

from homotopy._checks import number

_NODES = (
    *(0.526001519587677318785587544488e-1, 0.789002279381515978178381316732e-1),
    *(0.118350341907227396726757197510, 0.281649658092772603273242802490),
    *(1 / 3, 0.25, 4 / 13, 127 / 195, 0.6, 6 / 7, 1.0, 1.0),
)
_WEIGHTS = (
    *(5.42937341165687622380535766363e-2, 0.0, 0.0, 0.0, 0.0, 4.45031289275240888144113950566),
    *(1.89151789931450038304281599044, -5.8012039600105847814672114227),
    *(3.1116436695781989440891606237e-1, -1.52160949662516078556178806805e-1),
    *(2.01365400804030348374776537501e-1, 4.47106157277725905176885569043e-2),
)
# Rows of the stages; the last is the step itself, so that its slope is the next step's first.
_MATRIX = (
    (5.26001519587677318785587544488e-2,),
    (1.97250569845378994544595329183e-2, 5.91751709536136983633785987549e-2),
    (2.95875854768068491816892993775e-2, 0.0, 8.87627564304205475450678981324e-2),
    (
        *(2.41365134159266685502369798665e-1, 0.0, -8.84549479328286085344864962717e-1),
        9.24834003261792003115737966543e-1,
    ),
    (
        *(3.7037037037037037037037037037e-2, 0.0, 0.0, 1.70828608729473871279604482173e-1),
        1.25467687566822425016691814123e-1,
    ),
    (
        *(3.7109375e-2, 0.0, 0.0, 1.70252211019544039314978060272e-1),
        *(6.02165389804559606850219397283e-2, -1.7578125e-2),
    ),
    (
        *(3.70920001185047927108779319836e-2, 0.0, 0.0, 1.70383925712239993810214054705e-1),
        *(1.07262030446373284651809199168e-1, -1.53194377486244017527936158236e-2),
        8.27378916381402288758473766002e-3,
    ),
    (
        *(6.24110958716075717114429577812e-1, 0.0, 0.0, -3.36089262944694129406857109825),
        *(-8.68219346841726006818189891453e-1, 2.75920996994467083049415600797e1),
        *(2.01540675504778934086186788979e1, -4.34898841810699588477366255144e1),
    ),
    (
        *(4.77662536438264365890433908527e-1, 0.0, 0.0, -2.48811461997166764192642586468),
        *(-5.90290826836842996371446475743e-1, 2.12300514481811942347288949897e1),
        *(1.52792336328824235832596922938e1, -3.32882109689848629194453265587e1),
        -2.03312017085086261358222928593e-2,
    ),
    (
        *(-9.3714243008598732571704021658e-1, 0.0, 0.0, 5.18637242884406370830023853209),
        *(1.09143734899672957818500254654, -8.14978701074692612513997267357),
        *(-1.85200656599969598641566180701e1, 2.27394870993505042818970056734e1),
        *(2.49360555267965238987089396762, -3.0467644718982195003823669022),
    ),
    (
        *(2.27331014751653820792359768449, 0.0, 0.0, -1.05344954667372501984066689879e1),
        *(-2.00087205822486249909675718444, -1.79589318631187989172765950534e1),
        *(2.79488845294199600508499808837e1, -2.85899827713502369474065508674),
        *(-8.87285693353062954433549289258, 1.23605671757943030647266201528e1),
        6.43392746015763530355970484046e-1,
    ),
    _WEIGHTS,
)
_FIFTH = (
    *(0.1312004499419488073250102996e-1, 0.0, 0.0, 0.0, 0.0, -0.1225156446376204440720569753e1),
    *(-0.4957589496572501915214079952, 0.1664377182454986536961530415e1),
    *(-0.3503288487499736816886487290, 0.3341791187130174790297318841),
    *(0.8192320648511571246570742613e-1, -0.2235530786388629525884427845e-1, 0.0),
)
_THIRD = np.array([*_WEIGHTS, 0.0])
_THIRD[[0, 8, 11]] -= (
    *(0.244094488188976377952755905512, 0.733846688281611857341361741547),
    0.220588235294117647058823529412e-1,
)
_SHARE = 0.01  # of ‖e₃‖² in the two estimates


def _tolerance(name, value):
    if value is None:
        return None
    return number(name, value, "a number in [0, 1)", lambda x: 0.0 <= x < 1.0)


class DormandPrince853(diffrax.AbstractERK):
    """The explicit method of order eight whose error is estimated by orders five and three.

    Twelve gradients a step: the thirteenth stage is the first of the next. With e₅ and e₃ the
    differences of the step from embedded ones of order five and three, its error is taken to be

        ‖e₅‖² / √(‖e₅‖² + 0.01 ‖e₃‖²),

    which falls as the eighth power of the step. `diffrax.Dopri8`, also of order eight, takes the
    difference from a method of order seven: much too careful, so that its steps are shorter.

    Parameters
    ----------
    rtol, atol : float, optional
        Tolerances of the controller, by which both norms weigh the numbers of a state, as
        1/(atol + rtol |y|); `hm.Adaptive` gives its own. By default the two estimates are combined
        number by number, which is never less.

    Raises
    ------
    ValueError
        Naming `rtol` or `atol`, or both where one is given alone or none is positive.

    Notes
    -----
    Between the ends of its steps diffrax has Hermite's cubic; `hm.Adaptive` lets steps end at the
    outputs.

    References
    ----------
    E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary Differential Equations I* (1993), II.10,
    the code DOP853.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> model = hm.mlp([1, 2, 1])
    >>> problem = hm.Problem(model, hm.SquaredError(), [[0.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> method = hm.Adaptive(1e-9, solver=hm.flows.DormandPrince853())
    >>> path = hm.flow(problem, hm.Constant(1.0), [0.5] * 7, [2.0], method=method)
    >>> int(path.stats["steps"]) < 30
    True
    """

    rtol: float | None = eqx.field(default=None, static=True)
    atol: float | None = eqx.field(default=None, static=True)

    tableau: ClassVar[diffrax.ButcherTableau] = diffrax.ButcherTableau(
        c=np.array(_NODES),
        a_lower=tuple(np.array(row) for row in _MATRIX),
        b_sol=np.array([*_WEIGHTS, 0.0]),
        b_error=np.array(_FIFTH),
    )
    interpolation_cls: ClassVar[Callable] = ThirdOrderHermitePolynomialInterpolation.from_k

    def __init__(self, rtol: float | None = None, atol: float | None = None):
        self.rtol, self.atol = _tolerance("rtol", rtol), _tolerance("atol", atol)
        if (rtol is None) != (atol is None):
            raise ValueError("rtol, atol: expected both, those of the controller, or none.")
        if rtol is not None and self.rtol == self.atol == 0.0:
            raise ValueError("rtol, atol: at least one must be positive.")

    def order(self, terms):
        return 8

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        y1, fifth, dense, state, result = super().step(
            terms, t0, t1, y0, args, solver_state, made_jump
        )
        third = jax.tree.map(
            lambda k: jnp.tensordot(jnp.asarray(_THIRD, k.dtype), k, 1), dense["k"]
        )
        return y1, self.combined(fifth, third, y0, y1), dense, state, result

    def combined(self, fifth: PyTree, third: PyTree, y0: PyTree, y1: PyTree) -> PyTree:
        """e₅ times ‖e₅‖/√(‖e₅‖² + 0.01‖e₃‖²): its norm is the estimate of the error."""
        fifth, third, y0, y1 = lax.stop_gradient((fifth, third, y0, y1))
        if self.rtol is None:
            return jax.tree.map(
                lambda e, other: e * _part(jnp.abs(e), jnp.abs(other)), fifth, third
            )

        def squares(error):
            def of(error, y0, y1):
                weight = self.atol + self.rtol * jnp.maximum(jnp.abs(y0), jnp.abs(y1))
                return jnp.sum(jnp.abs(error / weight) ** 2)

            return sum(jax.tree.leaves(jax.tree.map(of, error, y0, y1)))

        part = _part(jnp.sqrt(squares(fifth)), jnp.sqrt(squares(third)))
        return jax.tree.map(lambda error: error * part, fifth)

    def stages_combined(self, increments, y0, y1):
        """The same of a step whose stages are `Increments`."""
        fifth, third = increments.all_combined(jnp.asarray(_ERRORS, y0.dtype))
        return self.combined(fifth, third, y0, y1)


_ERRORS = np.stack([DormandPrince853.tableau.b_error, _THIRD])


def _part(fifth, third):
    whole = jnp.sqrt(fifth**2 + _SHARE * third**2)
    # Of no error, or one that is not finite, e₅ is left as it is.
    known = (whole > 0.0) & jnp.isfinite(whole)
    return jnp.where(known, fifth / jnp.where(known, whole, 1.0), 1.0)
