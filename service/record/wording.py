"""Numbers as a person writes them."""


def duration(seconds: float) -> str:
    """``80 ms``, ``7.2 s``, ``41 s``, ``6 min 40 s``, ``12 min``, ``3 h``, ``5 days``."""
    if seconds < 0.0005:
        return "less than 1 ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds < 599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return since(seconds)


def since(seconds: float) -> str:
    """The same for how long ago something was, where nobody counts seconds after two minutes: ``7 min``."""
    if seconds < 119.5:
        return duration(seconds)
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:,.0f} days"


def counted(number: int, thing: str) -> str:
    """``1 token``, ``4,096 tokens``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def percent(part: float) -> str:
    """``37 %``; what is more than nothing is not called nothing."""
    return f"{100 * part:.0f} %" if part > 0.005 or not part else "< 1 %"


def energy_in_words(joules: float | None) -> str:
    """``41 J``, ``12.3 Wh``, ``1.2 kWh``; a dash where nobody tells it."""
    if joules is None:
        return "–"
    hours = joules / 3600
    if hours >= 1000:
        return f"{hours / 1000:,.1f} kWh"
    return f"{hours:.1f} Wh" if hours >= 1 else f"{joules:.0f} J" if joules >= 10 else f"{joules:.1f} J"


def about(number: float) -> str:
    """Two digits of it, as for an estimate: ``11,000``."""
    whole = round(number)
    step = 10 ** max(0, len(str(whole)) - 2)
    return f"{round(whole / step) * step:,}"


def speed(tokens_per_second: float) -> str:
    """``38 tokens/s``, ``7.2 tokens/s``."""
    digits = 0 if tokens_per_second >= 9.95 else 1
    return f"{tokens_per_second:,.{digits}f}".removesuffix(".0") + " tokens/s"
