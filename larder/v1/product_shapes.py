"""Bodies of products beside the ones everybody reads."""

from larder.v1.shapes import Name, Price, ProductFields, Units


class PutProduct(ProductFields, kw_only=True):
    """The whole product: what is left out gets its default. `quantity` is the opening stock of a
    new one, and is not looked at for one that is there; `sku`, if sent, is the one of the path."""

    name: Name
    price: Price
    quantity: Units = 0
