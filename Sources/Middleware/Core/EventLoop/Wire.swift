package import NIOCore

/// The byte side of a connection as its protocol sees it: the socket in production, a pair of queues in tests.
///
/// On the connection's loop only.
package protocol Wire: AnyObject {
    /// Whether the far side takes the bytes at the pace they are written; `false` until a `writabilityChanged`.
    var isWritable: Bool { get }
    /// The bytes that were written and have not left.
    var bufferedBytes: Int { get }
    /// Queues bytes; nothing leaves before ``flush()``.
    func write(_ bytes: ByteBuffer)
    /// Queues bytes and tells when they have left or failed.
    func write(_ bytes: ByteBuffer, _ done: @escaping (Result<Void, any Error>) -> Void)
    /// Sends what is queued, and these bytes behind it.
    func send(_ bytes: ByteBuffer)
    /// Sends what is queued.
    func flush()
    /// Whether bytes are taken from the far side.
    func setReading(_ isReading: Bool)
    /// Sends what is queued, then closes this direction.
    func closeOutput()
    /// Closes at once.
    func close()
    /// Closes so that the far side sees a reset.
    func reset()
}

extension Wire {
    package func send(_ bytes: ByteBuffer) {
        write(bytes)
        flush()
    }
}

/// What a protocol does with the events of its wire. On the connection's loop only; each batch ends with `receivedAll`.
package protocol WireHandler: AnyObject {
    /// Bytes came.
    func received(_ bytes: ByteBuffer)
    /// The batch is over.
    func receivedAll()
    /// The far side sends no more.
    func inputClosed()
    /// ``Wire/isWritable`` changed.
    func writabilityChanged()
    /// The connection is gone in both directions; nothing follows. `error` is `nil` for an orderly close.
    func closed(_ error: (any Error)?)
}

/// Opens connections to origins.
package protocol Dialer: Sendable {
    /// Connects to `address` on `worker`'s loop and gives the wire to `completion`, on the loop. The handler that
    /// `completion` returns gets the events; `nil` closes the wire.
    ///
    /// The returned token gives up the attempt.
    func dial(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken

    /// The same for a connection that carries whatever passes: its two directions end one by one, and it is read in
    /// larger pieces. Not different unless implemented.
    func dialStream(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken
}

extension Dialer {
    package func dialStream(
        _ address: DialAddress,
        on worker: Worker,
        completion: @escaping (Result<any Wire, any Error>) -> (any WireHandler)?
    ) -> TimerToken {
        dial(address, on: worker, completion: completion)
    }
}

/// Where to connect to.
package enum DialAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IP address or a host name, and a port.
    case host(String, port: Int)
    /// A Unix-domain socket.
    case unix(path: String)

    package var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
