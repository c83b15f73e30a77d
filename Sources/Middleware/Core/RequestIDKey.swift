/// The identifier of a request, for logs, traces and answers; `nil` before a ``RequestID`` has set it.
public enum RequestIDKey: ContextKey {
    public static var defaultValue: String? { nil }
}
