"""Jobs in several processes."""

from concurrent.futures import ThreadPoolExecutor

from fmlab.experiments import jobs


def test_finished_jobs_are_not_repeated(monkeypatch, tmp_path):
    called = []

    def call(job):
        called.append(job)
        return {"outcome of": job[1]["seed"]}

    monkeypatch.setattr(jobs, "ProcessPoolExecutor", lambda n, mp_context: ThreadPoolExecutor(n))
    file, some = tmp_path / "finished", [("train", {"seed": seed}) for seed in (2, 0, 1)]
    jobs.call_all(call, some[:2], 1, file)
    assert jobs.call_all(call, some, 2, file) == [{"outcome of": seed} for seed in (2, 0, 1)]
    assert called == some
