"""The checks of shapes that losses share: arguments are aligned at their last axes, and none is stretched."""

from vaex.errors import UsageError, check_whole


def check_aligned(event_ndims: int, **shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of arrays together: equal from their last axis on, none of which is stretched.

    Args:
        event_ndims: how many trailing axes make one example; each array has them. Axes before them may be absent.
        shapes: of the arrays, by their names.

    Returns:
        The longest of the shapes.

    Raises:
        UsageError: axes of different sizes, or fewer of them than one example has.
        OptionError: event_ndims is no whole number, or below 0.
    """
    check_whole(0, event_ndims=event_ndims)
    longest = max(shapes.values(), key=len)
    if any(len(shape) < event_ndims or shape != longest[len(longest) - len(shape) :] for shape in shapes.values()):
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise UsageError(
            f"found the shapes {found}: expected them equal, with event_ndims={event_ndims} axes at the end that make "
            "one example; axes before may be absent, and an axis of 1 is not stretched: reshape, or drop it"
        )
    return longest


def check_broadcasts(shape: tuple[int, ...], **found: tuple[int, ...]) -> None:
    """That arrays of these shapes, by their names, broadcast to a shape.

    Raises:
        UsageError: one does not.
    """
    for name, own in found.items():
        if len(own) > len(shape) or any(n not in (1, m) for n, m in zip(own[::-1], shape[::-1], strict=False)):
            raise UsageError(f"{name} has shape {own}: expected a scalar, or a shape that broadcasts to {shape}")
