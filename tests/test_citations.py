import re

import pytest

from vitrify import citations
from vitrify.errors import UnknownNameError


def test_every_method_leads_to_entries_that_exist():
    for method in citations.METHODS:
        for key in citations.for_methods([method]):
            assert key in citations.CITATIONS


def test_every_entry_has_author_title_year_and_balanced_braces():
    for key, entry in citations.CITATIONS.items():
        assert entry["author"]
        assert entry["title"]
        assert re.fullmatch(r"\d{4}", entry["year"])
        assert entry["year"] in key
        text = citations.bibtex([key])
        assert text.count("{") == text.count("}")
        assert text.startswith(f"@{entry.get('type', 'article')}{{{key},\n")


def test_every_entry_can_be_found_by_doi_url_or_journal():
    for entry in citations.CITATIONS.values():
        assert {"doi", "url", "journal", "version"} & set(entry)
        assert re.fullmatch(r"10\.\d{4,}/\S+", entry.get("doi", "10.1000/x"))


def test_methods_are_cited_once_and_in_their_order():
    keys = citations.for_methods(["softness", "flow_defects", "lammps"])
    assert keys == ["schoenholz2016", "cubuk2016", "cubuk2015", "lammps2022"]


def test_bibtex_is_plain_ascii():
    assert citations.bibtex(citations.CITATIONS).isascii()


def test_references_for_people_hold_no_tex():
    for key in citations.CITATIONS:
        assert not set("{}\\$") & set(citations.reference(key)), key
    assert citations.reference("cubuk2016").startswith("Ekin Doğuş Çubuk, Investigating")


def test_unknown_names_are_refused_with_what_is_known():
    with pytest.raises(
        UnknownNameError, match=r"No citation is called 'schoenholz2017'.*Did you mean 'schoenholz2016'"
    ):
        citations.bibtex(["schoenholz2017"])
    with pytest.raises(UnknownNameError, match="No method with a citation is called 'phop'"):
        citations.for_methods(["phop"])
