/// A typed place in a ``RequestContext`` for what one part of a gateway tells another.
///
/// ```swift
/// enum TenantKey: ContextKey {
///     static var defaultValue: String? { nil }
/// }
/// context[TenantKey.self] = "acme"
/// ```
public protocol ContextKey {
    /// What is kept.
    associatedtype Value: Sendable
    /// What is read before anything was set.
    static var defaultValue: Value { get }
    /// The same for a key that follows from something else in the context. ``defaultValue`` unless implemented.
    static func defaultValue(in context: RequestContext) -> Value
}

extension ContextKey {
    public static func defaultValue(in context: RequestContext) -> Value { defaultValue }
}
