/// The endpoint that a request was sent to last, as its configuration spells it (`10.0.0.1:8080`); `nil` for a request
/// that was not forwarded.
public enum UpstreamEndpointKey: ContextKey {
    public static var defaultValue: String? { nil }
}
