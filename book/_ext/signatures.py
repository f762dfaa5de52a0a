"""Two corrections to what autodoc and viewcode assume about the packages."""

from __future__ import annotations

from functools import reduce
from importlib import import_module

from sphinx.ext.autodoc.preserve_defaults import update_defvalue
from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits

PACKAGES = ("fmlab", "microworld")


def of_init(app, what, name, obj, options, text, return_annotation):
    """Give a widget the signature of its ``__init__``; traitlets reports ``(*args, **kwargs)``."""
    if what == "class" and issubclass(obj, HasTraits):
        update_defvalue(app, obj.__init__, True)
        aliases = app.config.autodoc_type_aliases
        of = signature(obj.__init__, bound_method=True, type_aliases=aliases)
        return stringify_signature(of, unqualified_typehints=True), None
    return None


def stay_in_package(app, modname, attribute):
    """Show what comes from another library where the package imports it."""
    try:
        thing = reduce(getattr, attribute.split("."), import_module(modname))
    except (AttributeError, ImportError):
        return None
    home = getattr(thing, "__module__", None)
    return modname if home and not home.startswith(PACKAGES) else None


def setup(app):
    app.connect("autodoc-process-signature", of_init)
    app.connect("viewcode-follow-imported", stay_in_package)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
