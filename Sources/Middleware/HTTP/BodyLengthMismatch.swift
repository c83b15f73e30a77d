/// A body that is longer or shorter than the length that was declared for it. The message is broken off, so that it
/// cannot be taken for a complete one.
public struct BodyLengthMismatch: Error {
    /// The declared length in bytes.
    public var declared: Int
    /// The bytes that came.
    public var actual: Int

    public init(declared: Int, actual: Int) {
        self.declared = declared
        self.actual = actual
    }
}
