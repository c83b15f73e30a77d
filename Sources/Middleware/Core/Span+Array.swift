extension Span where Element == UInt8 {
    /// The same bytes in memory of their own.
    var array: [UInt8] { withUnsafeBufferPointer { Array($0) } }
}
