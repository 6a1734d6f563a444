from service.shipping.pace import Pace, TokenBucket


def test_delays_are_drawn_below_a_bound_that_doubles_up_to_a_limit() -> None:
    pace = Pace(first_delay=0.5, longest_delay=30.0)
    for failures, bound in [(1, 0.5), (2, 1.0), (4, 4.0), (7, 30.0), (100_000, 30.0)]:
        delays = [pace.delay_after(failures) for _ in range(300)]
        assert 0 <= min(delays) <= max(delays) <= bound
        assert max(delays) > bound / 2 > min(delays), "full jitter: recorders do not come back together"


def test_a_bucket_lets_its_rate_pass_and_no_more() -> None:
    now = 100.0
    bucket = TokenBucket(1000.0, clock=lambda: now)
    assert bucket.seconds_until(1000) == 0
    bucket.take(1000)
    assert bucket.seconds_until(500) == 0.5
    now += 0.5
    assert bucket.seconds_until(500) == 0
    now += 3600
    bucket.take(1000)
    assert bucket.seconds_until(1000) == 1.0, "a quiet hour saves up one second's worth"


def test_what_is_larger_than_the_bucket_goes_on_credit() -> None:
    now = 100.0
    bucket = TokenBucket(1000.0, clock=lambda: now)
    assert bucket.seconds_until(3000) == 0
    bucket.take(3000)
    assert bucket.seconds_until(1) > 2.0
