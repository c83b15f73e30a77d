public import HTTPTypes
import Middleware
public import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A connection of which a test decides every byte.
///
/// ```swift
/// let client = try await server.connect()
/// try await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
/// #expect(try await client.readUntilClose().hasPrefix("HTTP/1.1 200 OK\r\n"))
/// ```
///
/// It stays open for writing when the other side sends no more. Reads come one at a time. It closes when it is dropped.
/// Safe to use from any thread.
public final class RawClient: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<RawInbox>

    private init(_ channel: any Channel, _ inbox: NIOLoopBound<RawInbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    deinit { channel.close(promise: nil) }

    /// Connects to an IP address or a Unix-domain socket.
    ///
    /// - Parameter receiveBufferBytes: the size of the kernel's buffer for what comes; its own choice unless given.
    public static func connect(to address: SocketAddress, receiveBufferBytes: Int? = nil) async throws -> RawClient {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RawInbox())
                }
            }
        if let receiveBufferBytes {
            bootstrap = bootstrap.channelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBufferBytes)
            )
        }
        let channel = try await bootstrap.connect(to: address).get()
        let inbox = try await channel.eventLoop.submit {
            NIOLoopBound(try channel.pipeline.syncOperations.handler(type: RawInbox.self), eventLoop: channel.eventLoop)
        }.get()
        return RawClient(channel, inbox)
    }

    /// The address of this end.
    public var localAddress: SocketAddress? { channel.localAddress }

    // MARK: Sending

    /// Sends text as it is, and waits until the kernel has taken it.
    public func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    /// Sends bytes as they are, and waits until the kernel has taken them.
    public func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

    /// Sends no more; what comes can still be read.
    public func finishSending() async throws { try await channel.close(mode: .output).get() }

    /// Closes both directions.
    public func close() async throws { try await channel.close().get() }

    /// Closes so that the other side sees a reset.
    public func reset() async throws {
        // A linger time of zero makes the kernel send RST instead of FIN.
        let provider = channel as? any SocketOptionProvider
        try await provider?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }

    /// Stops and starts taking bytes from the kernel: a client that is slow.
    public func setReading(_ isReading: Bool) async throws {
        try await channel.setOption(.autoRead, value: isReading).get()
    }

    // MARK: Reading

    /// The next response, read strictly.
    ///
    /// Throws ``RawConnectionEnded`` when the connection ends before the end of it, and what the decoder throws for
    /// something else than a response.
    ///
    /// - Parameter method: the method of the request, on which the framing depends.
    public func readResponse(to method: HTTPRequest.Method = .get) async throws -> RawResponse {
        let reader = RawResponseReader(answering: method)
        return try await read { bytes, isEnd in try reader.read(&bytes, isEnd: isEnd) }
    }

    /// So many bytes, as UTF-8.
    ///
    /// Throws ``RawConnectionEnded`` when the connection ends before.
    public func read(_ count: Int) async throws -> String {
        try await read { bytes, _ in bytes.readString(length: count) }
    }

    /// Everything up to and with `end`, such as `"\r\n\r\n"`.
    ///
    /// Throws ``RawConnectionEnded`` when the connection ends before.
    public func read(through end: String) async throws -> String {
        let end = Array(end.utf8)
        return try await read { bytes, _ in
            guard let range = bytes.readableBytesView.firstRange(of: end) else { return nil }
            return bytes.readString(length: range.upperBound - bytes.readerIndex)
        }
    }

    /// Everything that comes until the other side sends no more, in order or by a reset.
    public func readUntilClose() async throws -> String {
        try await read { bytes, isEnd in isEnd ? bytes.readString(length: bytes.readableBytes) : nil }
    }

    /// Waits until the other side sends no more, and says how that came about: `nil` for an orderly end, the error of
    /// the socket for a reset. What came before stays to be read.
    public func waitForEnd() async throws -> (any Error)? {
        try await withCheckedThrowingContinuation { continuation in
            let inbox = inbox
            channel.eventLoop.execute { inbox.value.whenEnded { continuation.resume(returning: $0) } }
        }
    }

    private func read<Value: Sendable>(
        _ take: @escaping @Sendable (inout ByteBuffer, _ isEnd: Bool) throws -> Value?
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let inbox = inbox
            channel.eventLoop.execute {
                inbox.value.read { bytes, end in
                    do {
                        if let value = try take(&bytes, end != nil) {
                            continuation.resume(returning: value)
                        } else if let end {
                            continuation.resume(
                                throwing: RawConnectionEnded(received: String(buffer: bytes), cause: end.cause)
                            )
                        } else {
                            return false
                        }
                    } catch {
                        continuation.resume(throwing: error)
                    }
                    return true
                }
            }
        }
    }
}

/// Thrown by a read of a ``RawClient`` whose connection ended before there was enough.
public struct RawConnectionEnded: Error, CustomStringConvertible {
    /// What had come and was not read.
    public var received: String
    /// The error of the socket; `nil` for an orderly end.
    public var cause: (any Error)?

    public init(received: String, cause: (any Error)?) {
        self.received = received
        self.cause = cause
    }

    public var description: String {
        "the connection ended\(cause.map { " (\($0))" } ?? "") after \(received.debugDescription)"
    }
}

/// Reads one response. Unchecked because it is used by one read, on the loop of its connection.
private final class RawResponseReader: @unchecked Sendable {
    private var decoder = ResponseDecoder()
    private var informational: [TestResponse.Informational] = []
    private var response: RawResponse?

    init(answering method: HTTPRequest.Method) { decoder.start(answering: method, offersUpgrade: true) }

    func read(_ bytes: inout ByteBuffer, isEnd: Bool) throws -> RawResponse? {
        while !decoder.isAtMessageStart, let event = try decoder.next(from: &bytes) {
            if take(event) { return response }
        }
        if isEnd, let response, let event = try? decoder.close(), take(event) { return self.response ?? response }
        return nil
    }

    /// Whether it was the end of the response.
    private func take(_ event: ResponseEvent) -> Bool {
        switch event {
        case .informational(let status, let headers):
            informational.append(TestResponse.Informational(status, headers))
            return false
        case .head(let head):
            response = RawResponse(head, informational: informational)
            return head.framing == .none
        case .body(var part):
            response?.bytes.writeBuffer(&part)
            return false
        case .end(let trailers):
            response?.trailers = trailers
            return true
        }
    }
}
