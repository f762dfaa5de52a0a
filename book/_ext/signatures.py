"""Two corrections to what autodoc and viewcode believe about the package."""

from __future__ import annotations

from functools import reduce
from importlib import import_module

from sphinx.ext.autodoc.preserve_defaults import update_defvalue
from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits

PACKAGE = "fmlab"


def of_init(app, what, name, obj, options, text, return_annotation):
    """Sign a widget as its ``__init__`` is; traitlets announces ``(*args, **kwargs)`` for it."""
    if what == "class" and issubclass(obj, HasTraits):
        update_defvalue(app, obj.__init__, True)
        aliases = app.config.autodoc_type_aliases
        of = signature(obj.__init__, bound_method=True, type_aliases=aliases)
        return stringify_signature(of, unqualified_typehints=True), None
    return None


def stay_in_package(app, modname, attribute):
    """Show the source of what is borrowed from elsewhere where it is borrowed."""
    try:
        thing = reduce(getattr, attribute.split("."), import_module(modname))
    except (AttributeError, ImportError):
        return None
    home = getattr(thing, "__module__", None) or PACKAGE
    return None if home.startswith(PACKAGE) else modname


def setup(app):
    app.connect("autodoc-process-signature", of_init)
    app.connect("viewcode-follow-imported", stay_in_package)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
