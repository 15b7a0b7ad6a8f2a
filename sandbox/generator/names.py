"""Names as a builder has them: people, streets, subdivisions and job titles."""

from __future__ import annotations

from itertools import count
from random import Random

FIRST_NAMES = (
    "Ana", "Luis", "Miguel", "José", "Caleb", "Wyatt", "Tyler", "Rosa", "Darnell", "Hank", "Zoë", "Marcus", "Elena",
    "Travis", "Kofi", "Siobhán", "Pete", "Ramón", "Jake", "Dmitri", "Hector", "Beth", "Andre", "Nguyet", "Cody", "Lena",
    "Omar", "Brandon", "Jesús", "Shane", "Tomás", "Grace", "Willie", "Raúl", "Kyle", "Dana", "Emeka", "Vince", "Iris",
    "Sam",
)  # fmt: skip
LAST_NAMES = (
    "Diaz", "O'Brien", "Martinez", "Núñez", "Walker", "Begay", "Kowalski", "Tran", "Johnson", "Peña", "Svensson",
    "McAllister", "Garcia", "Okafor", "Whitehorse", "Larsen", "D'Angelo", "Ruiz", "Hughes", "Petrov", "Castillo",
    "Freeman", "Yazzie", "Brooks", "Ibarra", "Schmidt", "Nelson", "Vigil", "Hall", "Trujillo", "St. John", "Park",
)  # fmt: skip
FAMILIES = (
    "Tighe", "Hollenbeck", "Marsh", "Okonkwo", "Delgado", "Fitzgerald", "Brandt", "Kessler", "Vance", "Lindqvist",
    "Abernathy", "Sato", "Pruitt", "Rosen", "Gallegos", "Whitaker", "Moreau", "Nash", "Eriksen", "Calloway", "Duarte",
    "Hargrove", "Ng", "Ballard", "Stroud", "Quintana", "Mbeki", "Laramie", "Thornton", "Weiss", "Holloway", "Pappas",
    "O'Dell", "Sandoval", "Bishop", "Crane", "Villanueva", "Ferris", "Muñoz", "Yates",
)  # fmt: skip
_STREETS = (
    "Maple", "Cottonwood", "Prospect", "Grand", "Elm", "Hillcrest", "Canyon View", "Sage", "Birch", "Mill", "Foothill",
    "Spring Creek", "Jackson", "Columbine", "Orchard", "Aspen", "Ridge", "Pearl", "Lakeshore", "Mesa",
)  # fmt: skip
_SUFFIXES = ("Ave", "St", "Dr", "Ct", "Ln", "Rd", "Way")
_SUBDIVISIONS = ("Fox Run", "Elk Meadows", "The Preserve", "Stonebridge", "Willow Bend", "Eagle Crest", "Harvest Hills")
_CITIES = (("Longmont", "80501"), ("Erie", "80516"), ("Loveland", "80537"), ("Berthoud", "80513"), ("Niwot", "80544"))


def street_address(rng: Random) -> str:
    return f"{rng.randint(101, 9899)} {rng.choice(_STREETS)} {rng.choice(_SUFFIXES)}"


def city_and_postal_code(rng: Random) -> tuple[str, str]:
    return rng.choice(_CITIES)


def job_title(rng: Random, patterns: tuple[str, ...], *, street: str, taken: set[str]) -> str:
    """A job name that no other job of the company has; after many clashes a phase number is appended."""
    for attempt in count():
        title = rng.choice(patterns).format(
            family=rng.choice(FAMILIES), street=street, lot=f"Lot {rng.randint(1, 96)} {rng.choice(_SUBDIVISIONS)}"
        )
        if attempt > 20:
            title = f"{title} - Phase {rng.randint(2, 20 + attempt)}"
        if title not in taken:
            taken.add(title)
            return title
    raise AssertionError("count() never ends")


def person_names(rng: Random, how_many: int) -> list[tuple[str, str]]:
    """`how_many` different pairs of first and last name."""
    pairs = [(first, last) for first in FIRST_NAMES for last in LAST_NAMES]
    return rng.sample(pairs, how_many)
