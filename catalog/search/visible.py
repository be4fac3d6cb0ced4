"""What an actor may see, as bitmaps of docnos. Search intersects with them before it counts, ranks or limits anything."""

from dataclasses import dataclass

from pyroaring import BitMap


@dataclass(frozen=True)
class Visible:
    """The documents of one actor's plan. Never changed once made; may be shared.

    Attributes:
        card: what the actor may discover: title, keywords and the rest of the card are searched, filtered and counted.
        full: what the actor may read with every searched field disclosed: summary, format, license, box and time too. Documents outside `card` are ignored.
    """

    card: BitMap
    full: BitMap
