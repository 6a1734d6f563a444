"""What n8n calls each kind of node that the templates use, its family, which gives its colour, and a sign for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """``icon`` is an SVG path in a square of 24; ``outputs`` are the names of several outputs."""

    title: str
    family: str
    icon: str
    outputs: tuple[str, ...] = ()


KINDS = {
    "manualTrigger": Kind("Manual Trigger", "start", "M7 3.5 18.5 12 13 13.2 15.6 19 13 20.2 10.4 14.4 7 18z"),
    "chatTrigger": Kind("Chat Trigger", "start", "M4 5h16v11H11l-5 4v-4H4zM8 9h8M8 12h5"),
    "scheduleTrigger": Kind("Schedule Trigger", "start", "M12 3a9 9 0 1 0 .01 0zM12 7.5V12l3.2 2"),
    "set": Kind("Edit Fields", "data", "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM13.5 7 17 10.5"),
    "splitOut": Kind("Split Out", "data", "M3 12h6M9 12C13 12 12 5 16 5h4M9 12h11M9 12c4 0 3 7 7 7h4M18 3l2 2-2 2"),
    "aggregate": Kind("Aggregate", "data", "M4 5h4c4 0 3 7 7 7M4 12h16M4 19h4c4 0 3-7 7-7M18 10l2 2-2 2"),
    "filter": Kind("Filter", "flow", "M4 5h16l-6 7.5V19l-4-2v-4.5z"),
    "splitInBatches": Kind(
        "Loop Over Items",
        "flow",
        "M5 12a7 7 0 0 1 12-5l2 2M19 4v5h-5M19 12a7 7 0 0 1-12 5l-2-2M5 20v-5h5",
        ("done", "loop"),
    ),
    "noOp": Kind("No Operation", "flow", "M4 12h15M13 6l6 6-6 6"),
    "httpRequest": Kind(
        "HTTP Request", "call", "M12 3a9 9 0 1 0 .01 0zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"
    ),
    "ollamaRecorder": Kind(
        "Ollama Recorder",
        "call",
        "M3 6h18v12H3zM5.5 12a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M13.5 12a2.5 2.5 0 1 0 5 0 2.5 2.5 0 1 0-5 0M8 14.5h8",
    ),
    "convertToFile": Kind("Convert to File", "data", "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"),
    "emailSend": Kind("Send Email", "call", "M3 6h18v12H3zM3 7l9 6.5L21 7"),
    "agent": Kind("AI Agent", "ai", "M5 9h14v10H5zM12 9V5.5M12 4.5v.01M9 13v1.5M15 13v1.5M2.5 13v3M21.5 13v3"),
    "chainLlm": Kind(
        "Basic LLM Chain",
        "ai",
        "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.5 1.5M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1.5-1.5",
    ),
    "lmChatOllama": Kind("Ollama Chat Model", "ai", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"),
    "memoryBufferWindow": Kind(
        "Simple Memory", "ai", "M5 6.5c0-4 14-4 14 0s-14 4-14 0zM5 6.5v11c0 4 14 4 14 0v-11M5 12c0 4 14 4 14 0"
    ),
}
"""By the last part of a node's type."""
