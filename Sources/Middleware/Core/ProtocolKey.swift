/// The protocol that the client spoke, as logs name it. A server sets it when it is another than `HTTP/1.1`, so that an
/// ordinary request pays nothing.
public enum ProtocolKey: ContextKey {
    public static var defaultValue: String { "HTTP/1.1" }
}
