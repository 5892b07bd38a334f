"""The researcher's pages."""

urlpatterns = []
