"""Pages of the list, the timeline, what can be chosen from, and totals."""

from pathlib import Path

from tests.fakes.ollama import FakeOllama
from tests.running_app import chat, found, running, said

LABELS = "/api/ollama/~workflow=Invoices;node={node};execution={execution}/api/chat"


async def test_pages_stay_as_they_are_while_exchanges_arrive(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(7):
            await chat(app, f"Question {number}")
        first = await said(app, "/exchanges.json?limit=3")
        await chat(app, "Later")
        second = await said(app, first["next"])
        third = await said(app, second["next"])
        numbers = [entry["number"] for page in (first, second, third) for entry in page["exchanges"]]
        assert numbers == [7, 6, 5, 4, 3, 2, 1]
        assert "next" not in third
        assert third["complete"]
        assert first["exchanges"][0]["prompt"] == "Question 6"
        assert "request_body" not in first["exchanges"][0]


async def test_a_list_with_conditions_says_how_far_it_has_looked(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(3):
            await chat(app, f"Question {number}", X_Caller="cron")
        await found(app, "caller=cron", 3)
        assert (await said(app, "/exchanges.json?caller=cron&limit=1"))["reached"] == 3
        # The list without conditions reads the journal itself: it lacks nothing.
        assert "reached" not in await said(app, "/exchanges.json?limit=1")


async def test_every_filter_finds_what_it_names(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        summarise = await chat(app, "the blue parcel", path=LABELS.format(node="Summarise", execution=231))
        classify = await chat(app, "the red parcel", path=LABELS.format(node="Classify", execution=231))
        other = await chat(app, "nothing", model="other", X_Caller="cron")
        for query, expected in (
            ("workflow=Invoices", [classify, summarise]),
            ("workflow=Invoices&node=Classify", [classify]),
            ("execution=231", [classify, summarise]),
            ("caller=cron", [other]),
            ("model=other&model=tiny", [other, classify, summarise]),
            ("q=parcel", [classify, summarise]),
            ("q=%22blue+parcel%22", [summarise]),
            ("q=parcel+-blue", [classify]),
            ("q=par*+workflow", []),
            ("operation=chat&status=200&failed=false", [other, classify, summarise]),
            ("outcome=client_left", []),
            ("truncated=true", []),
            ("truncated=unknown&operation=chat", [other, classify, summarise]),
            ("truncated=false", []),
            ("slower=100", []),
            ("from=-1h&to=now", [other, classify, summarise]),
            ("to=2020-01-01", []),
            (f"exchange={classify}", [classify]),
            ("after=1&before=3", [classify]),
        ):
            entries = await found(app, query, len(expected))
            assert (query, [entry["exchange"] for entry in entries]) == (query, expected)


async def test_the_timeline_and_the_totals_count_what_the_list_shows(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for node in ("Summarise", "Classify", "Classify"):
            await chat(app, "Hi", path=LABELS.format(node=node, execution=1))
        await found(app, "workflow=Invoices", 3)
        timeline = await said(app, "/timeline.json?workflow=Invoices")
        assert timeline["count"] == 3 == sum(dot[3] for dot in timeline["dots"])
        assert timeline["models"] == [["tiny", 3]]
        stats = await said(app, "/stats.json?by=node&workflow=Invoices")
        assert [(group["name"], group["calls"]) for group in stats["groups"]] == [("Classify", 2), ("Summarise", 1)]
        values = await said(app, "/values.json?field=node&workflow=Invoices")
        assert values["values"] == [["Classify", 2], ["Summarise", 1]]
