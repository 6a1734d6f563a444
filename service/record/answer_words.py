"""What an answer says, as it is compared with another one."""

from service.record.conversation import read_conversation
from service.record.record import Record


def answer_of(record: Record) -> str:
    """What the answer says, and after it a line for each tool that it calls; of neither, its error."""
    return words_of(record) or record.error or ""


def words_of(record: Record) -> str:
    """The same without its error: empty where nothing was answered."""
    answer = read_conversation(record, b"").answer
    parts = [answer.text, *(f"{call.name}({call.arguments})" for call in answer.tool_calls)] if answer else []
    # Models write a blank or an empty line beside their calls, which is nothing to compare.
    return "\n".join(part for part in parts if part.strip())
