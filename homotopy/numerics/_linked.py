"""Functions that only compiled functions call: translated once, in the one that Python calls.

Numba optimises each function that another calls, makes machine code of it, and puts it into the
caller, which is optimised again with all that it calls. So a function that stands four calls deep
is optimised and translated five times, and four of the results are never run. Here a function
within others is kept as it was written down, and first optimised where Python enters.
"""

from __future__ import annotations

from numba import _dynfunc, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _UnoptimisedLibrary(JITCodeLibrary):
    """To be linked into others; there is no machine code of it."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(NativeLowering):
    """Numba's, but for what would ask for machine code."""

    _name = "linked_lowering"

    def run_pass(self, state):
        context = state.targetctx
        state.library = _UnoptimisedLibrary(context.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered, library = state.cr, state.library
        described = lowered.fndesc
        # What callers know the function by.
        name = described.qualname.split(".")[-1]
        entry = _dynfunc.make_function(
            described.lookup_module(), name, "", 0, lowered.env, (library,)
        )
        context.insert_user_function(entry, described, [library])
        state.reload_init.extend(library._reload_init)
        state.cr = _LowerResult(described, lowered.call_helper, cfunc=entry, env=lowered.env)
        return True


class LinkedCompiler(Compiler):
    """`pipeline_class` of `njit`, for functions that Python does not call."""

    def define_pipelines(self):
        """Numba's passes, with one replaced."""
        (passes,) = super().define_pipelines()
        passes.passes = [
            (_LinkedLowering if step is NativeLowering else step, said)
            for step, said in passes.passes
        ]
        passes.finalize()
        return [passes]


def once_for_all_values(dispatcher):
    """Have a function compiled for the type of a constant that it is called with, not its value.

    Numba compiles it for the value as well, and again for each other one, also where that turns out
    not to be constant. LLVM puts constants in all the same, where it is worth it.
    """
    template = dispatcher.get_call_template

    def get_call_template(positional, named):
        positional = tuple(map(types.unliteral, positional))
        named = {name: types.unliteral(kind) for name, kind in named.items()}
        return template(positional, named)

    dispatcher.get_call_template = get_call_template
    return dispatcher
