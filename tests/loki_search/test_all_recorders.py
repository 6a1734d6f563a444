"""The same filter gives the same exchanges in both stores: a journal with its index, and a real Loki."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.loki_search import all_recorders
from service.loki_search.all_recorders import AllRecorders, began_ns, read_place, write_place
from service.loki_search.facts import gathered, matching_ids
from service.loki_search.loki_answers import AskFor, LokiAddress, LokiError, LokiLines, ask_for_lines
from service.loki_search.selection import LokiLine
from service.search.filters import NO_STATUS, NOBODY, UNKNOWN, Filter
from tests.fakes.journals import COMMON_PHRASE, COMMON_WORD, MODELS, NODES, USERS, WORKFLOWS
from tests.loki_search.everywhere import DAY_NS, LONG, Everywhere, everywhere

RECORDS = 120
NOW = time.time_ns()
TEXTS = (
    COMMON_WORD,
    f'"{COMMON_PHRASE}"',
    "resume",
    "résumé dossier",
    "RÉSUMÉ",
    "要約",
    "brulee OR fox",
    "gaste fur",
    "naive facade",
    "inv*",
    f"{COMMON_WORD} -letter",
    "-invoice",
    '"back slash"',
    "friend order",
    "3",
    "zanzibar",
    "odd",
)
NAMES = {
    "model": (*MODELS, "Tiny:latest", "library/tiny", "phi4", "nobody", NOBODY),
    "workflow": (
        *WORKFLOWS[:4],
        "Invoices",
        LONG,
        LONG + "é",
        'with "quotes" and \\',
        "wf00000000000001",
        "w9",
        NOBODY,
    ),
    "node": (*NODES, "a{b}c|d", NOBODY),
    "caller": ("n8n", "openai-js", "Open WebUI", "langchain", NOBODY),
    "user": (*USERS[:2], NOBODY),
    "operation": ("chat", "embed", "list", "generate", NOBODY),
    "outcome": ("completed", "client_left", "upstream_broke_off"),
    "cut": ("length", "messages", NOBODY),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("everywhere"), RECORDS) as stores:
        yield stores


def some(values: tuple[object, ...]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple))


FILTERS = st.builds(
    Filter,
    text=st.one_of(st.just(""), st.sampled_from(TEXTS)),
    **{name: some(values) for name, values in NAMES.items()},
    status=some((200, 404, 499, 500, NO_STATUS)),
    failed=st.sampled_from((None, None, True, False)),
    truncated=st.sampled_from((None, None, True, False, UNKNOWN)),
    slower=st.sampled_from((None, None, 0.1, 2.0, 3.5, 20.0)),
    since_ns=st.sampled_from((None, NOW - 2 * DAY_NS, NOW - DAY_NS // 2 + 123_456)),
    until_ns=st.sampled_from((None, NOW - DAY_NS, NOW - DAY_NS // 3 + 654_321)),
)


def same_in_both(stores: Everywhere, wanted: Filter) -> set[str]:
    found = stores.in_loki(wanted)
    assert len(found) == len(set(found))
    assert set(found) == stores.in_journals(wanted)
    return set(found)


@pytest.mark.long
@pytest.mark.parametrize("text", TEXTS)
def test_words_are_found_where_the_index_finds_them(stores: Everywhere, text: str) -> None:
    assert same_in_both(stores, Filter(text=text)) or text == "zanzibar"


def test_a_few_filters_give_the_same_in_both(stores: Everywhere) -> None:
    for wanted in (Filter(text="résumé dossier"), Filter(caller=("n8n",)), Filter(failed=True, slower=2.0)):
        assert same_in_both(stores, wanted)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_names_are_found_where_the_index_finds_them(stores: Everywhere, name: str) -> None:
    for value in NAMES[name]:
        wanted: dict[str, Any] = {name: (value,)}
        same_in_both(stores, Filter(**wanted))


@pytest.mark.long
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS)
def test_any_filter_gives_the_same_in_both(stores: Everywhere, wanted: Filter) -> None:
    same_in_both(stores, wanted)


def test_a_page_is_the_newest_and_leads_on_without_a_gap(stores: Everywhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_recorders, "_LINES", 20)
    everything = stores.in_loki(Filter())
    assert len(everything) > 2 * RECORDS
    # Each page ends between two of the same nanosecond, or beside them.
    for at_once in (20, 50):
        assert [line.exchange for line in stores.store.lines(Filter(), at_once)] == everything
    assert set(everything) == stores.in_journals(Filter())
    seen: list[str] = []
    times: list[int] = []
    before = None
    while len(seen) < len(everything):
        page = stores.store.page(Filter(), 60, before)
        assert len(page.lines) <= 60
        assert page.scanned_bytes > 0
        seen += [line.exchange for line in page.lines]
        times += [line.ended_ns for line in page.lines]
        before = page.next_before and read_place(write_place(page.next_before))
        if before is None:
            break
    assert seen == everything
    assert times == sorted(times, reverse=True)
    assert before is None or stores.store.page(Filter(), 40, before).lines == []


def test_a_page_that_takes_too_long_comes_in_parts(stores: Everywhere) -> None:
    wanted, found, before, parts = Filter(text="brulee"), list[str](), None, 0
    while True:
        page = stores.store.page(wanted, 50, before, seconds=0.0)
        found += [line.exchange for line in page.lines]
        parts, before = parts + 1, page.next_before
        if before is None:
            break
        assert not page.is_complete
    assert parts > 1
    assert set(found) == stores.in_journals(wanted)


def test_one_is_found_with_the_recorder_that_shipped_it(stores: Everywhere) -> None:
    newest = stores.store.page(Filter(), 1).lines[0]
    found = stores.store.one(newest.exchange)
    assert found is not None
    assert (found.exchange, found.instance, found.line) == (newest.exchange, newest.instance, newest.line)
    assert found.instance in ("office", "garage")
    assert stores.store.one("f" * 32) is None


def test_one_is_looked_for_when_its_id_says_that_it_began(stores: Everywhere, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = [line for line in stores.store.page(Filter(), 50).lines if line.line.find(b"order") > 0][:1]
    assert abs(began_ns(made.exchange) - made.ended_ns) < 3_600 * 10**9
    asked: list[int] = []
    ask = ask_for_lines

    def noted(loki: Any, query: str, since_ns: int, until_ns: int, *more: Any) -> Any:
        asked.append(until_ns - since_ns)
        return ask(loki, query, since_ns, until_ns, *more)

    monkeypatch.setattr(all_recorders, "ask_for_lines", noted)
    assert stores.store.one(made.exchange) is not None
    assert sum(asked) < 2 * 3_600 * 10**9


def test_a_loki_that_is_away_or_is_none_is_told(stores: Everywhere) -> None:
    away = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)
    with pytest.raises(LokiError, match="could not be asked"):
        away.page(Filter(), 1)
    with pytest.raises(LokiError, match="answered 404"):
        AllRecorders(LokiAddress(stores.store._loki.base + "/nowhere"), 30).page(Filter(), 1)


@pytest.mark.parametrize("instead", AskFor)
def test_a_loki_with_lower_limits_is_asked_for_less(
    stores: Everywhere, monkeypatch: pytest.MonkeyPatch, instead: AskFor
) -> None:
    expected = stores.in_loki(Filter())

    def limited(loki: LokiAddress, query: str, since: int, until: int, limit: int, seconds: float) -> Any:
        is_too_much = limit > 30 if instead is AskFor.FEWER_LINES else until - since > DAY_NS // 2
        return instead if is_too_much else ask_for_lines(loki, query, since, until, limit, seconds)

    monkeypatch.setattr(all_recorders, "ask_for_lines", limited)
    assert stores.in_loki(Filter()) == expected
    monkeypatch.setattr(all_recorders, "ask_for_lines", lambda *_: instead)
    with pytest.raises(LokiError, match=f"asked for {instead}"):
        stores.store.page(Filter(), 10)


def test_the_longest_search_is_one_that_a_real_loki_takes(stores: Everywhere) -> None:
    words = " OR ".join(f"word{number}" for number in range(60))
    for text in ("x" * 1000, words, " ".join(f"word{number}" for number in range(60))):
        assert stores.in_loki(Filter(text=text, since_ns=NOW - DAY_NS // 24)) == []
    models = (MODELS[0], *(f"model{number}" for number in range(2000)))
    assert same_in_both(stores, Filter(model=models))


@pytest.mark.parametrize("text", ["", "7", "x-y-z", "1-" + "g" * 32 + "-a", "-" * 9])
def test_a_place_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        read_place(text)


@pytest.mark.parametrize(
    "place", ["9999999999999999999--", "9000000000000000000--", f"8999999999999999999-{'f' * 32}-x"]
)
def test_a_place_after_all_there_is_begins_with_the_newest(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def noted(_: object, __: str, since: int, until: int, *___: object) -> LokiLines:
        asked.append((since, until))
        return LokiLines([], 1)

    monkeypatch.setattr(all_recorders, "ask_for_lines", noted)
    page = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30).page(Filter(), 10, read_place(place))
    assert page.is_complete
    assert len(asked) < 10
    assert max(until for _, until in asked) < time.time_ns() + DAY_NS


class LokiInMemory:
    """Gives the lines that it has as Loki does: the newest, and any of those that ended in the same nanosecond."""

    def __init__(self, lines: list[LokiLine], most: int = 5_000) -> None:
        self.lines, self.most = lines, most

    def __call__(self, _: LokiAddress, __: str, since: int, until: int, limit: int, ___: float) -> LokiLines | AskFor:
        if limit > self.most:
            return AskFor.FEWER_LINES
        inside = [line for line in self.lines if since <= line.ended_ns < until]
        # The lowest ids of a nanosecond come first here; the order in which pages go on is the other.
        inside.sort(key=lambda line: (-line.ended_ns, line.exchange, line.instance))
        return LokiLines(sorted(inside[:limit], key=lambda line: line.place, reverse=True), 1)


def made_lines(ends: list[int]) -> list[LokiLine]:
    return [LokiLine(NOW - end, "office", f"{number:032x}", b"{}") for number, end in enumerate(ends)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.integers(0, 12), max_size=60), limit=st.integers(1, 20), most=st.integers(30, 70))
def test_exchanges_that_ended_in_the_same_nanosecond_are_all_there_once(
    monkeypatch: pytest.MonkeyPatch, ends: list[int], limit: int, most: int
) -> None:
    lines = made_lines(ends)
    assume(max(Counter(ends).values(), default=0) < most // 2)
    monkeypatch.setattr(all_recorders, "_LINES", 2)
    monkeypatch.setattr(all_recorders, "ask_for_lines", LokiInMemory(lines, most))
    store = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)
    expected = sorted((line.place for line in lines), reverse=True)
    assert [line.place for line in store.lines(Filter(), limit)] == expected
    assert [line.place for part, _ in store.parts(Filter(), "{}", limit) for line in part.lines] == expected


def test_a_page_of_many_takes_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    answers = LokiInMemory(made_lines([number // 2 for number in range(2_000)]))

    def noted(*question: Any) -> LokiLines | AskFor:
        asked.append(question[4])
        return answers(*question)

    monkeypatch.setattr(all_recorders, "ask_for_lines", noted)
    store = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)
    before = store.page(Filter(), 500).next_before
    asked.clear()
    assert len(store.page(Filter(), 500, before).lines) == 500
    assert len(asked) == 1


def test_no_question_is_for_more_lines_than_loki_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def noted(*question: Any) -> LokiLines:
        asked.append(question[4])
        return LokiLines([], 1)

    monkeypatch.setattr(all_recorders, "ask_for_lines", noted)
    store = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)
    store.page(Filter(), 10_000)
    list(matching_ids(store, Filter()))
    with gathered(store, Filter()):
        assert max(asked) == 5_000


def test_more_exchanges_of_one_nanosecond_than_loki_gives_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_recorders, "ask_for_lines", LokiInMemory(made_lines([7] * 300), most=120))
    store = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)
    with pytest.raises(LokiError, match="max_entries_limit_per_query"):
        store.page(Filter(), 10)


def test_what_a_journal_alone_knows_is_refused() -> None:
    for wanted in (Filter(before=7), Filter(after=7)):
        with pytest.raises(ValueError, match="one recorder"):
            all_recorders.without_numbers(wanted)
    assert all_recorders.without_numbers(Filter(model=("a",))) == Filter(model=("a",))
