"""BibTeX of the methods that a run used, so that a report can say whom to cite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vitrify._version import __version__
from vitrify.errors import UnknownNameError

_Entry = Mapping[str, str]


def _article(
    author: str, title: str, journal: str, volume: str, pages: str, year: str, doi: str = ""
) -> _Entry:
    fields = {
        "author": author,
        "title": title,
        "journal": journal,
        "volume": volume,
        "pages": pages,
        "year": year,
    }
    return fields | ({"doi": doi} if doi else {})


_PRL, _PRE, _PRX = "Physical Review Letters", "Physical Review E", "Physical Review X"

CITATIONS: Mapping[str, _Entry] = {
    "alder1959": _article(
        "Alder, B. J. and Wainwright, T. E.",
        "Studies in molecular dynamics. {I}. General method",
        "The Journal of Chemical Physics", "31", "459--466", "1959", "10.1063/1.1730376",
    ),
    "alkemade2023": _article(
        "Alkemade, Rinske M. and Smallenburg, Frank and Filion, Laura",
        "Improving the prediction of glassy dynamics by pinpointing the local cage",
        "The Journal of Chemical Physics", "158", "134512", "2023", "10.1063/5.0144822",
    ),
    "bapst2020": _article(
        "Bapst, V. and Keck, T. and Grabska-Barwi{\\'n}ska, A. and Donner, C. and others",
        "Unveiling the predictive power of static structure in glassy systems",
        "Nature Physics", "16", "448--454", "2020", "10.1038/s41567-020-0842-8",
    ),
    "behler2007": _article(
        "Behler, J{\\\"o}rg and Parrinello, Michele",
        "Generalized neural-network representation of high-dimensional potential-energy surfaces",
        _PRL, "98", "146401", "2007", "10.1103/PhysRevLett.98.146401",
    ),
    "berthier2009": _article(
        "Berthier, Ludovic and Witten, Thomas A.",
        "Compressing nearly hard sphere fluids increases glass fragility",
        "EPL (Europhysics Letters)", "86", "10001", "2009", "10.1209/0295-5075/86/10001",
    ),
    "bitzek2006": _article(
        "Bitzek, Erik and Koskinen, Pekka and G{\\\"a}hler, Franz and Moseler, Michael and Gumbsch, Peter",
        "Structural relaxation made simple",
        _PRL, "97", "170201", "2006", "10.1103/PhysRevLett.97.170201",
    ),
    "boattini2021": _article(
        "Boattini, Emanuele and Smallenburg, Frank and Filion, Laura",
        "Averaging local structure to predict the dynamic propensity in supercooled liquids",
        _PRL, "127", "088007", "2021", "10.1103/PhysRevLett.127.088007",
    ),
    "bussi2007": _article(
        "Bussi, Giovanni and Donadio, Davide and Parrinello, Michele",
        "Canonical sampling through velocity rescaling",
        "The Journal of Chemical Physics", "126", "014101", "2007", "10.1063/1.2408420",
    ),
    "candelier2010": _article(
        "Candelier, R. and Widmer-Cooper, A. and Kummerfeld, J. K. and Dauchot, O. and Biroli, G. and Harrowell, P. "
        "and Reichman, D. R.",
        "Spatiotemporal hierarchy of relaxation events, dynamical heterogeneities, and structural reorganization in a "
        "supercooled liquid",
        _PRL, "105", "135702", "2010", "10.1103/PhysRevLett.105.135702",
    ),
    "carnahan1969": _article(
        "Carnahan, Norman F. and Starling, Kenneth E.",
        "Equation of state for nonattracting rigid spheres",
        "The Journal of Chemical Physics", "51", "635--636", "1969", "10.1063/1.1672048",
    ),
    "chang2011": _article(
        "Chang, Chih-Chung and Lin, Chih-Jen",
        "{LIBSVM}: A library for support vector machines",
        "ACM Transactions on Intelligent Systems and Technology", "2", "27:1--27:27", "2011", "10.1145/1961189.1961199",
    ),
    "cubuk2015": _article(
        "Cubuk, E. D. and Schoenholz, S. S. and Rieser, J. M. and Malone, B. D. and Rottler, J. and Durian, D. J. and "
        "Kaxiras, E. and Liu, A. J.",
        "Identifying structural flow defects in disordered solids using machine-learning methods",
        _PRL, "114", "108001", "2015", "10.1103/PhysRevLett.114.108001",
    ),
    "cubuk2016": {
        "type": "phdthesis",
        "author": "{\\c{C}}ubuk, Ekin Do{\\u{g}}u{\\c{s}}",
        "title": "Investigating Non-Periodic Solids Using First Principles Calculations and Machine Learning Algorithms",
        "school": "Harvard University",
        "year": "2016",
        "url": "http://nrs.harvard.edu/urn-3:HUL.InstRepos:33493370",
    },
    "elmatad2009": _article(
        "Elmatad, Yael S. and Chandler, David and Garrahan, Juan P.",
        "Corresponding states of structural glass formers",
        "The Journal of Physical Chemistry B", "113", "5563--5567", "2009", "10.1021/jp810362g",
    ),
    "falk1998": _article(
        "Falk, M. L. and Langer, J. S.",
        "Dynamics of viscoplastic deformation in amorphous solids",
        _PRE, "57", "7192--7205", "1998", "10.1103/PhysRevE.57.7192",
    ),
    "hoover1985": _article(
        "Hoover, William G.",
        "Canonical dynamics: Equilibrium phase-space distributions",
        "Physical Review A", "31", "1695--1697", "1985", "10.1103/PhysRevA.31.1695",
    ),
    "keys2011": _article(
        "Keys, Aaron S. and Hedges, Lester O. and Garrahan, Juan P. and Glotzer, Sharon C. and Chandler, David",
        "Excitations are localized and relaxation is hierarchical in glass-forming liquids",
        _PRX, "1", "021013", "2011", "10.1103/PhysRevX.1.021013",
    ),
    "kob1994": _article(
        "Kob, Walter and Andersen, Hans C.",
        "Scaling behavior in the $\\beta$-relaxation regime of a supercooled {L}ennard-{J}ones mixture",
        _PRL, "73", "1376--1379", "1994", "10.1103/PhysRevLett.73.1376",
    ),
    "kob1995": _article(
        "Kob, Walter and Andersen, Hans C.",
        "Testing mode-coupling theory for a supercooled binary {L}ennard-{J}ones mixture: The van {H}ove correlation "
        "function",
        _PRE, "51", "4626--4641", "1995", "10.1103/PhysRevE.51.4626",
    ),
    "lammps2022": _article(
        "Thompson, Aidan P. and Aktulga, H. Metin and Berger, Richard and Bolintineanu, Dan S. and Brown, W. Michael "
        "and Crozier, Paul S. and in 't Veld, Pieter J. and Kohlmeyer, Axel and Moore, Stan G. and Nguyen, Trung Dac "
        "and Shan, Ray and Stevens, Mark J. and Tranchida, Julien and Trott, Christian and Plimpton, Steven J.",
        "{LAMMPS}---a flexible simulation tool for particle-based materials modeling at the atomic, meso, and continuum "
        "scales",
        "Computer Physics Communications", "271", "108171", "2022", "10.1016/j.cpc.2021.108171",
    ),
    "lechner2008": _article(
        "Lechner, Wolfgang and Dellago, Christoph",
        "Accurate determination of crystal structures based on averaged local bond order parameters",
        "The Journal of Chemical Physics", "129", "114707", "2008", "10.1063/1.2977970",
    ),
    "lubachevsky1990": _article(
        "Lubachevsky, Boris D. and Stillinger, Frank H.",
        "Geometric properties of random disk packings",
        "Journal of Statistical Physics", "60", "561--583", "1990", "10.1007/BF01025983",
    ),
    "mansoori1971": _article(
        "Mansoori, G. A. and Carnahan, N. F. and Starling, K. E. and Leland, T. W.",
        "Equilibrium thermodynamic properties of the mixture of hard spheres",
        "The Journal of Chemical Physics", "54", "1523--1525", "1971", "10.1063/1.1675048",
    ),
    "nose1984": _article(
        "Nos{\\'e}, Shuichi",
        "A unified formulation of the constant temperature molecular dynamics methods",
        "The Journal of Chemical Physics", "81", "511--519", "1984", "10.1063/1.447334",
    ),
    "pedregosa2011": _article(
        "Pedregosa, F. and Varoquaux, G. and Gramfort, A. and Michel, V. and Thirion, B. and Grisel, O. and Blondel, M. "
        "and Prettenhofer, P. and Weiss, R. and Dubourg, V. and Vanderplas, J. and Passos, A. and Cournapeau, D. and "
        "Brucher, M. and Perrot, M. and Duchesnay, E.",
        "Scikit-learn: Machine learning in {P}ython",
        "Journal of Machine Learning Research", "12", "2825--2830", "2011",
    ),
    "ridout2023": {
        "author": "Ridout, Sean A. and Tah, Indrajit and Liu, Andrea J.",
        "title": "Building a ``trap model'' of glassy dynamics from a local structural predictor of rearrangements",
        "journal": "arXiv preprint",
        "volume": "2308.07913",
        "pages": "1",
        "year": "2023",
        "doi": "10.48550/arXiv.2308.07913",
    },
    "schoenholz2016": _article(
        "Schoenholz, S. S. and Cubuk, E. D. and Sussman, D. M. and Kaxiras, E. and Liu, A. J.",
        "A structural approach to relaxation in glassy liquids",
        "Nature Physics", "12", "469--471", "2016", "10.1038/nphys3644",
    ),
    "sharma2022": _article(
        "Sharma, Mohit and Nandi, Manoj Kumar and Maitra Bhattacharyya, Sarika",
        "Identifying structural signature of dynamical heterogeneity via the local softness parameter",
        _PRE, "105", "044604", "2022", "10.1103/PhysRevE.105.044604",
    ),
    "shiba2023": _article(
        "Shiba, Hayato and Hanai, Masatoshi and Suzumura, Toyotaro and Shimokawabe, Takashi",
        "{BOTAN}: {BOnd TArgeting Network} for prediction of slow glassy dynamics by machine learning relative motion",
        "The Journal of Chemical Physics", "158", "084503", "2023", "10.1063/5.0129791",
    ),
    "smallenburg2022": _article(
        "Smallenburg, Frank",
        "Efficient event-driven simulations of hard spheres",
        "The European Physical Journal E", "45", "22", "2022", "10.1140/epje/s10189-022-00180-8",
    ),
    "smessaert2013": _article(
        "Smessaert, Anton and Rottler, J{\\\"o}rg",
        "Distribution of local relaxation events in an aging three-dimensional glass: Spatiotemporal correlation and "
        "dynamical heterogeneity",
        _PRE, "88", "022314", "2013", "10.1103/PhysRevE.88.022314",
    ),
    "steinhardt1983": _article(
        "Steinhardt, Paul J. and Nelson, David R. and Ronchetti, Marco",
        "Bond-orientational order in liquids and glasses",
        "Physical Review B", "28", "784--805", "1983", "10.1103/PhysRevB.28.784",
    ),
    "stillinger1982": _article(
        "Stillinger, Frank H. and Weber, Thomas A.",
        "Hidden structure in liquids",
        "Physical Review A", "25", "978--989", "1982", "10.1103/PhysRevA.25.978",
    ),
    "vitrify2026": {
        "type": "software",
        "author": "{The vitrify developers}",
        "title": "vitrify: structure and dynamics of glass formers",
        "version": __version__,
        "year": "2026",
    },
    "widmercooper2004": _article(
        "Widmer-Cooper, Asaph and Harrowell, Peter and Fynewever, H.",
        "How reproducible are dynamic heterogeneities in a supercooled liquid?",
        _PRL, "93", "135701", "2004", "10.1103/PhysRevLett.93.135701",
    ),
}  # fmt: skip
"""Key to the fields of its BibTeX entry; an entry without `type` is an article."""

METHODS: Mapping[str, tuple[str, ...]] = {
    "vitrify": ("vitrify2026",),
    "averaged_descriptors": ("boattini2021",),
    "bond_angle": ("behler2007",),
    "cage_state": ("alkemade2023",),
    "caging_softness": ("sharma2022",),
    "d2min": ("falk1998",),
    "event_driven": ("alder1959", "lubachevsky1990", "smallenburg2022"),
    "fire": ("bitzek2006",),
    "flow_defects": ("cubuk2015",),
    "hard_spheres": ("carnahan1969", "mansoori1971"),
    "harmonic_spheres": ("berthier2009",),
    "inherent_structures": ("stillinger1982",),
    "kob_andersen": ("kob1994", "kob1995"),
    "lammps": ("lammps2022",),
    "nose_hoover": ("nose1984", "hoover1985"),
    "onset_temperature": ("keys2011",),
    "p_hop": ("candelier2010", "smessaert2013"),
    "parabolic_law": ("elmatad2009",),
    "propensity": ("widmercooper2004", "bapst2020"),
    "public_end_points": ("shiba2023",),
    "radial_density": ("behler2007",),
    "scikit_learn": ("pedregosa2011",),
    "softness": ("schoenholz2016", "cubuk2016", "cubuk2015"),
    "steinhardt": ("steinhardt1983", "lechner2008"),
    "svm": ("chang2011",),
    "trap_model": ("ridout2023",),
    "velocity_rescaling": ("bussi2007",),
}
"""Method, in the words of the package, to the keys of `CITATIONS` that its user owes."""


def for_methods(methods: Iterable[str]) -> list[str]:
    """Return the keys to cite for the methods of a run, each once, in the order of the methods.

    Parameters
    ----------
    methods : iterable of str
        Of `METHODS`.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        If a method is not listed; nothing is left out in silence.

    Examples
    --------
    >>> for_methods(["p_hop", "lammps", "p_hop"])
    ['candelier2010', 'smessaert2013', 'lammps2022']
    """
    keys: dict[str, None] = {}
    for method in methods:
        if method not in METHODS:
            raise UnknownNameError("method with a citation", method, METHODS)
        keys |= dict.fromkeys(METHODS[method])
    return list(keys)


def bibtex(keys: Iterable[str]) -> str:
    """Return BibTeX entries, one after the other.

    Parameters
    ----------
    keys : iterable of str
        Of `CITATIONS`.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        If there is no such key.

    Examples
    --------
    >>> print(bibtex(["schoenholz2016"]).splitlines()[0])
    @article{schoenholz2016,
    """
    entries = []
    for key in keys:
        entry = _entry(key)
        kind = entry.get("type", "article")
        fields = "".join(f"  {name} = {{{value}}},\n" for name, value in entry.items() if name != "type")
        entries.append(f"@{kind}{{{key},\n{fields}}}\n")
    return "\n".join(entries)


def reference(key: str) -> str:
    """Return one line for people: authors, title, journal, year.

    Parameters
    ----------
    key : str
        Of `CITATIONS`.

    Returns
    -------
    str

    Raises
    ------
    UnknownNameError
        If there is no such key.

    Examples
    --------
    >>> reference("stillinger1982")
    'Frank H. Stillinger and Thomas A. Weber, Hidden structure in liquids, Physical Review A 25, 978–989 (1982)'
    """
    entry = _entry(key)
    names = [" ".join(reversed(name.split(", "))) for name in entry["author"].split(" and ")]
    people = (
        f"{names[0]} et al."
        if len(names) > 6
        else " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    )
    where = (
        f"{entry['journal']} {entry['volume']}, {entry['pages']}"
        if "journal" in entry
        else entry.get("school") or f"version {entry['version']}"
    )
    return _without_tex(f"{people}, {entry['title']}, {where} ({entry['year']})")


def _entry(key: str) -> _Entry:
    if key not in CITATIONS:
        raise UnknownNameError("citation", key, CITATIONS)
    return CITATIONS[key]


_ACCENTS = {
    '{\\"o}': "ö", '{\\"a}': "ä", "{\\'e}": "é", "{\\'n}": "ń", "{\\c{C}}": "Ç", "{\\u{g}}": "ğ", "{\\c{s}}": "ş",
    "$\\beta$": "β", "---": "\u2014", "--": "\u2013", "{": "", "}": "",
}  # fmt: skip


def _without_tex(text: str) -> str:
    for tex, plain in _ACCENTS.items():
        text = text.replace(tex, plain)
    return text
