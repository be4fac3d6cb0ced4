"""CSW 2.0.2 and 3.0 at /csw through pycsw, over the catalog's reader."""
