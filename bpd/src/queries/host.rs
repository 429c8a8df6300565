//! The machine, as it was read last.

use bp_proto::report::{HostPoint, HostStats};

use crate::store::{HostReading, Reader};

/// While it is read at all.
const INTERVAL_S: f64 = 5.0;
const BYTES_PER_MIB: f64 = 1_048_576.0;

pub(super) fn host(reader: &Reader, limit: usize) -> HostStats {
    let readings = reader.hosts(limit.max(1));
    let newest = readings.last();
    let mut series: Vec<HostPoint> = readings.iter().map(point).collect();
    let now = series.last().cloned();
    if limit == 0 {
        series.clear();
    }
    HostStats { cpus: newest.map(|reading| reading.cpus), interval_s: INTERVAL_S, now, series }
}

fn point(reading: &HostReading) -> HostPoint {
    let mib = |bytes: u64| bytes as f64 / BYTES_PER_MIB;
    let known = |bytes: u64| (bytes > 0).then_some(mib(bytes));
    let load = |nth: usize| reading.load.map(|load| load[nth]);
    let rates = reading.disk.and_then(|disk| disk.rates);
    HostPoint {
        ts: reading.wall.as_seconds(),
        host_cpu_percent: reading.cpu_percent,
        memory_used_mb: known(reading.memory_used_bytes),
        memory_total_mb: known(reading.memory_total_bytes),
        load_1m: load(0),
        load_5m: load(1),
        load_15m: load(2),
        pressure_cpu_avg10: reading.pressure.cpu.map(|stall| stall.avg10_percent),
        pressure_memory_avg10: reading.pressure.memory.map(|stall| stall.avg10_percent),
        pressure_io_avg10: reading.pressure.io.map(|stall| stall.avg10_percent),
        disk_used_mb: reading.disk.map(|disk| mib(disk.used_bytes)),
        disk_free_mb: reading.disk.map(|disk| mib(disk.free_bytes)),
        disk_read_mb_per_s: rates.map(|rates| rates.read_bytes_per_s / BYTES_PER_MIB),
        disk_written_mb_per_s: rates.map(|rates| rates.written_bytes_per_s / BYTES_PER_MIB),
    }
}
