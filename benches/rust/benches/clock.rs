//! `now` and `update` beside `uhlc`'s, on one and on two threads, in one run: `cargo bench -p flocktime-benches`.
//!
//! `uhlc` has no receive event that returns a timestamp: its nearest work is to merge and then to ask for one.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flocktime_agent::random::fresh_node;
use flocktime_agent::sys::Tsc;
use flocktime_benches::hammer;
use flocktime_core::{
    Clock, Config, CountedSource, Discipline, Guidance, OsSource, SteeredSource, Steering, TimeSource, Timestamp,
};
use uhlc::HLCBuilder;

const THREADS: [usize; 2] = [1, 2];
const NEVER: &str = "the operating system's clock does not fail";

/// A clock that follows a flock: slewing, so that nothing is the same as in the one beneath.
fn steered(counter: Tsc) -> Clock<CountedSource<SteeredSource<OsSource>, Tsc>> {
    let steering = Arc::new(Steering::new());
    let wall_ns = OsSource.wall_ns().expect(NEVER);
    let discipline =
        Discipline { h0_ns: OsSource.raw_ns(), l0_ns: wall_ns, y: 1e-5, s: 1e-4, u: 0.0, slew_ns: u64::MAX };
    let published = steering.publish(&Guidance { discipline, in_force: true, ..Guidance::default() });
    assert!(published, "nobody else publishes");
    Clock::new(CountedSource::new(SteeredSource::new(OsSource, steering), counter), Config::new(fresh_node))
}

fn now(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("now");
    group.throughput(Throughput::Elements(1));
    for threads in THREADS {
        let clock = Clock::new(OsSource, Config::new(fresh_node));
        let peer = HLCBuilder::new().build();
        if let Some(counter) = Tsc::trusted() {
            let counted = Clock::new(CountedSource::new(OsSource, counter), Config::new(fresh_node));
            group.bench_function(BenchmarkId::new("flocktime", threads), |bencher| {
                bencher.iter_custom(|calls| hammer(threads, calls, &|| counted.now().expect(NEVER)));
            });
            let steered = steered(counter);
            group.bench_function(BenchmarkId::new("flocktime in a flock", threads), |bencher| {
                bencher.iter_custom(|calls| hammer(threads, calls, &|| steered.now().expect(NEVER)));
            });
        }
        group.bench_function(BenchmarkId::new("flocktime without counter", threads), |bencher| {
            bencher.iter_custom(|calls| hammer(threads, calls, &|| clock.now().expect(NEVER)));
        });
        group.bench_function(BenchmarkId::new("uhlc", threads), |bencher| {
            bencher.iter_custom(|calls| hammer(threads, calls, &|| peer.new_timestamp()));
        });
        group.bench_function(BenchmarkId::new("the OS clock alone", threads), |bencher| {
            bencher.iter_custom(|calls| hammer(threads, calls, &|| OsSource.wall_us()));
        });
    }
    group.finish();
}

fn update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    group.throughput(Throughput::Elements(1));
    for threads in THREADS {
        let clock = Clock::new(OsSource, Config::new(fresh_node));
        let remote = Clock::new(OsSource, Config::new(fresh_node)).now().expect(NEVER);
        let peer = HLCBuilder::new().build();
        let peer_remote = HLCBuilder::new().build().new_timestamp();
        if let Some(counter) = Tsc::trusted() {
            let counted = Clock::new(CountedSource::new(OsSource, counter), Config::new(fresh_node));
            group.bench_function(BenchmarkId::new("flocktime", threads), |bencher| {
                bencher
                    .iter_custom(|calls| hammer(threads, calls, &|| counted.update(remote, None, false).expect(NEVER)));
            });
        }
        group.bench_function(BenchmarkId::new("flocktime without counter", threads), |bencher| {
            bencher.iter_custom(|calls| hammer(threads, calls, &|| clock.update(remote, None, false).expect(NEVER)));
        });
        group.bench_function(BenchmarkId::new("uhlc", threads), |bencher| {
            bencher.iter_custom(|calls| {
                hammer(threads, calls, &|| (peer.update_with_timestamp(&peer_remote).is_ok(), peer.new_timestamp()))
            });
        });
    }
    group.finish();
}

fn now_many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("now_many");
    group.throughput(Throughput::Elements(1000));
    let clock = Clock::new(OsSource, Config::new(fresh_node));
    group.bench_function("1000", |bencher| {
        bencher.iter(|| clock.now_many(1000).expect(NEVER).map(Timestamp::node).sum::<u64>());
    });
    group.finish();
}

criterion_group!(benches, now, update, now_many);
criterion_main!(benches);
