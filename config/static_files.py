"""Static files named by their hash, so that browsers may keep them for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedModules(ManifestStaticFilesStorage):
    """Also rewrites `import` in ES modules, which Django leaves alone unless told otherwise."""

    support_js_module_import_aggregation = True
