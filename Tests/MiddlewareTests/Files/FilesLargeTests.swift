import Foundation
import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Files that do not fit into memory, over a real connection.
@Suite("Files: large files", .timeLimit(.minutes(2)))
struct FilesLargeTests {
    private static let size = 100 << 20

    @Test("100 MB pass in constant memory, and wait for a client that does not read")
    func constantMemory() async throws {
        try await FileTree.run(["large": ""]) { tree in
            guard truncate(tree.path("root/large"), off_t(Self.size)) == 0 else { throw CocoaError(.fileWriteUnknown) }
            let files = Files(root: tree.root)
            let meter = ByteMeter()
            let metered = HandlerFunction { request, context in
                let response = try await files.handle(request, context: context)
                let body = Body.stream(CountedSource(try response.body.open(), meter))
                return Response(response.status, headers: response.headers, body: body)
            }
            try await withServer(metered) { server in
                let port = UInt16(server.port)
                // Blocks, and so on a thread of its own.
                let client = try await withCheckedThrowingContinuation { continuation in
                    Thread.detachNewThread {
                        continuation.resume(with: Result { try Self.download(from: port, meter) })
                    }
                }
                #expect(client.received == Self.size)
                #expect(meter.taken == Self.size && meter.largestPart <= 128 << 10)
                // The buffers of two sockets, and what the server holds for one that does not take it.
                #expect(client.furthestBehind <= 16 << 20)
            }
        }
    }

    private struct Download {
        /// The bytes of the body.
        var received = 0
        /// The most bytes that were taken from the file and had not come yet.
        var furthestBehind = 0
    }

    /// Takes nothing until no more is read ahead, then everything.
    private static func download(from port: UInt16, _ meter: ByteMeter) throws -> Download {
        #if canImport(Darwin)
        let kind = SOCK_STREAM
        #else
        let kind = Int32(SOCK_STREAM.rawValue)
        #endif
        let socket = socket(AF_INET, kind, 0)
        guard socket >= 0 else { throw CocoaError(.fileReadUnknown) }
        defer { close(socket) }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))
        let isConnected = address.withSockAddr { connect(socket, $0, socklen_t($1)) == 0 }
        let request = "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        guard isConnected, send(socket, request, request.utf8.count, 0) == request.utf8.count else {
            throw CocoaError(.fileReadUnknown)
        }
        waitUntilStill(meter)
        var download = Download()
        var head: [UInt8] = []
        var isInBody = false
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            download.furthestBehind = max(download.furthestBehind, meter.taken - download.received)
            let count = recv(socket, &room, room.count, 0)
            guard count > 0 else { return download }
            if isInBody {
                download.received += count
            } else {
                head += room[..<count]
                guard let end = head.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { continue }
                download.received = head.count - end
                isInBody = true
            }
        }
    }

    private static func waitUntilStill(_ meter: ByteMeter) {
        while meter.taken == 0 { sched_yield() }
        var last = 0
        while meter.taken != last {
            last = meter.taken
            for _ in 0..<5000 { sched_yield() }
        }
    }
}

/// What was taken from a source.
private final class ByteMeter: Sendable {
    private let bytes = Atomic(0)
    private let largest = Atomic(0)

    var taken: Int { bytes.load(ordering: .relaxed) }
    var largestPart: Int { largest.load(ordering: .relaxed) }

    func add(_ count: Int) {
        bytes.wrappingAdd(count, ordering: .relaxed)
        largest.max(count, ordering: .relaxed)
    }
}

/// Counts what is taken from another source.
private final class CountedSource: BodySource {
    private let source: any BodySource
    private let meter: ByteMeter

    init(_ source: any BodySource, _ meter: ByteMeter) {
        self.source = source
        self.meter = meter
    }

    var knownLength: Int? { source.knownLength }
    var isReady: Bool { source.isReady }

    func read() async throws -> BodyPart {
        let part = try await source.read()
        if case .bytes(let bytes) = part { meter.add(bytes.readableBytes) }
        return part
    }

    func cancel(_ reason: any Error) { source.cancel(reason) }
}
