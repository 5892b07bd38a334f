"""Static files named by their hash, so that browsers may keep them for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

_FILES, _PATTERNS = ManifestStaticFilesStorage._js_module_import_aggregation_patterns
_OF_CALLS = r"import\("


class HashedModules(ManifestStaticFilesStorage):
    """Also rewrites `import` in ES modules, which Django leaves alone unless told otherwise.

    Its pattern for `import("./x.js")` is left out: our modules are never loaded that way, while
    JSDoc names types so. Two modules may well name each other's types, and a name made of what it
    contains would chase itself round such a ring.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        _FILES,
        tuple(pattern for pattern in _PATTERNS if _OF_CALLS not in pattern[0]),
    )
