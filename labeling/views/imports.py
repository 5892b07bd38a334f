"""Where managers bring votes and labels from elsewhere into a campaign."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from labeling import uploads
from labeling.errors import Refused
from labeling.models import Import
from labeling.outside import LONGEST_NAME
from labeling.roles import page_for
from labeling.views.campaigns import campaign_named

IMPORTS_SHOWN = 20
# What a form takes besides its file.
ROOM_FOR_FIELDS = 2**16


class ImportForm(forms.Form):
    """A file of votes, or one of labels."""

    kind = forms.ChoiceField(
        choices=[
            ("votes", "Votes: file, annotator, choice"),
            ("labels", "Labels: file, choice"),
        ],
        widget=forms.RadioSelect,
        initial="votes",
    )
    file = forms.FileField(label="CSV file")
    name = forms.CharField(max_length=LONGEST_NAME, required=False, strip=True)
    settled = forms.BooleanField(required=False)

    def clean(self) -> dict[str, object]:
        fields = self.cleaned_data
        if fields.get("kind") == "labels" and not fields["settled"] and not fields.get("name"):
            self.add_error("name", "Say by which name these labels are to be known.")
        return fields


# The size is looked at before anything else, CSRF included, reads the body: Django would first
# store any number of bytes on disk.
@csrf_exempt
def imports_page(request: HttpRequest, slug: str) -> HttpResponse:
    """A form for a file, and what became of earlier ones."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.method == "POST" and int(length) > uploads.MOST_BYTES + ROOM_FOR_FIELDS:
        most = uploads.MOST_BYTES // 2**20
        return render(request, "campaigns/too_large.html", {"slug": slug, "most": most}, status=413)
    return _imports_page(request, slug)


@csrf_protect
@page_for("manager")
def _imports_page(request: HttpRequest, slug: str) -> HttpResponse:
    found = campaign_named(slug)
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        fields = form.cleaned_data
        try:
            uploads.ask_import(
                found,
                fields["kind"],
                fields["file"].chunks(),
                by=request.user,
                filename=fields["file"].name,
                name=fields["name"],
                settled=fields["settled"],
            )
        except Refused as refused:
            form.add_error("file", refused.detail)
        else:
            messages.success(request, f"{fields['file'].name} has come in and is being checked.")
            return redirect("campaign-imports", slug)
    rows = Import.objects.filter(campaign=found).select_related("requested_by").order_by("-id")
    return render(
        request,
        "campaigns/imports.html",
        {
            "campaign": found,
            "tab": "imports",
            "form": form,
            "imports": rows[:IMPORTS_SHOWN],
            "values": [*found.values, "unsure"],
            "most": uploads.MOST_BYTES // 2**20,
        },
        status=400 if form.is_bound else 200,
    )
