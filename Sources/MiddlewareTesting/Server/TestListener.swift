/// Where a server of a test listens. Never on a fixed port: tests run beside each other.
public enum TestListener: Sendable {
    /// 127.0.0.1, on a port that the system chooses.
    case loopback
    /// ::1, on a port that the system chooses.
    case loopbackIPv6
    /// A Unix-domain socket in the folder for temporary files, removed at the end.
    case unix
}
