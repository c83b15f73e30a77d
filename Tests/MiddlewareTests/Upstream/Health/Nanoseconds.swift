/// Seconds and milliseconds as the nanoseconds that algorithms take.
extension Int64 {
    static func seconds(_ count: Double) -> Int64 { Int64(count * 1e9) }
    static func milliseconds(_ count: Int64) -> Int64 { count * 1_000_000 }
}
