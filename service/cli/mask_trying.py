"""``mask``: try the masks of a file and of packs on a text, without a recorder."""

import sys
from pathlib import Path
from typing import Annotated

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.screen import note
from service.file_of_setting import read_file_of_setting
from service.record.mask_rules import masks_of_packs, read_masks
from service.record.own_masks import MaskedPart, MaskRun, OwnMask
from service.record.wording import counted
from service.settings import Settings

File = Annotated[Path | None, option("--file", help="The masks; default: MASK_FILE.", show_default=False)]
Pack = Annotated[str, option("--pack", help="Packs, separated by commas; default: MASK_PACK.", show_default=False)]
Try = Annotated[str | None, option("--try", help="The text; default: standard input.", show_default=False)]
Where = Annotated[MaskedPart, option("--where", help="What the text stands for.")]


def mask(file: File = None, pack: Pack = "", try_: Try = None, where: Where = MaskedPart.PROMPTS) -> None:
    """Show what masks leave of a text, and how often each one matches. It records nothing.

    JSON is read as in a recorded body: escapes hide nothing, and it stays JSON.
    """
    settings = current_settings()
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if try_ is None else try_
    own = _masks(settings, file, pack)
    if not own:
        stop("There are no masks: name a file (--file, MASK_FILE) or packs (--pack, MASK_PACK).", USAGE_EXIT_CODE)
    masked, _ = MaskRun(own).json(text, where)
    sys.stdout.write(masked if masked.endswith("\n") else masked + "\n")
    for one in own:
        if where not in one.where:
            note(f"{one.name}: not for {where}")
            continue
        _, count = MaskRun((one,)).json(text, where)
        note(f"{one.name}: {counted(count, 'hit')}")


def _masks(settings: Settings, file: Path | None, pack: str) -> tuple[OwnMask, ...]:
    path = file or settings.mask_file
    names = [name.strip().lower() for name in pack.split(",") if name.strip()] or settings.mask_pack
    try:
        of_packs = masks_of_packs(names)
        return of_packs if path is None else (*of_packs, *read_masks(read_file_of_setting(path)))
    except ValueError as mistake:
        stop(str(mistake), USAGE_EXIT_CODE)
