import HTTPTypes
import MiddlewareTesting
import Testing

@testable import Middleware

@Suite("HTTPProbe")
struct HTTPProbeTests {
    @Test(
        "an expected status passes, any other fails with it",
        arguments: [
            (200, [200...299], nil), (204, [200...299], nil), (299, [200...299], nil),
            (500, [200...299], "answered 500"),
            (404, [200...299], "answered 404"), (302, [200...299], "answered 302"), (302, [200...399], nil),
            (401, [200...200, 401...401], nil), (200, [204...204], "answered 200"),
        ] as [(Int, [ClosedRange<Int>], String?)])
    func statuses(code: Int, expected: [ClosedRange<Int>], failure: String?) async {
        let rig = ProbeRig(ScriptedUpstream { $0.answer(HTTPResponse.Status(code: code), "") })
        #expect(await rig.failure(of: HTTPProbe("/", expecting: expected)) == failure)
        await rig.origin.waitForClosedConnections()
        #expect(rig.origin.requests.count == 1 && rig.origin.problems == [])
    }

    @Test("the request is what is configured, and ends its connection")
    func request() async throws {
        let rig = ProbeRig()
        var probe = HTTPProbe("/health?deep=1")
        #expect(await rig.failure(of: probe) == nil)
        probe.method = .head
        probe.host = "users.internal"
        probe.headers[.authorization] = "Bearer x"
        #expect(await rig.failure(of: probe) == nil)
        await rig.origin.waitForClosedConnections(2)
        let requests = rig.origin.requests
        try #require(requests.count == 2)
        #expect(requests.map(\.method) == [.get, .head])
        #expect(requests.map(\.authority) == ["10.0.0.1:8080", "users.internal"])
        #expect(requests.map(\.target.path) == ["/health", "/health"] && requests[0].target.query == "deep=1")
        #expect(requests[1].headers[.authorization] == "Bearer x")
        #expect(requests.allSatisfy { $0.headers[.connection] == "close" })
        #expect(rig.origin.connectionsOpened == 2 && rig.origin.problems == [])
    }

    @Test(
        "content is looked for, wherever the pieces are cut and however the body is framed",
        arguments: [
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall ready", nil),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nall r\r\n4\r\neady\r\n0\r\n\r\n", nil),
            ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nready", nil),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready", nil),
            ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread", "the content is not what is expected"),
            ("HTTP/1.1 204 No Content\r\n\r\n", "the content is not what is expected"),
            ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nnot yet", "the content is not what is expected"),
            // What lies behind the limit is not looked at, and not waited for.
            ("HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n0123456789ready", "the content is not what is expected"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nall",
                "the connection was closed before the answer ended"
            ),
        ] as [(String, String?)])
    func content(answer: String, failure: String?) async {
        for pieceBytes in [1, 7, 16 << 10] {
            let rig = ProbeRig(
                ScriptedUpstream(pieceBytes: pieceBytes) {
                    $0.raw(answer)
                    $0.close()
                })
            var probe = HTTPProbe("/")
            probe.content = "ready"
            probe.contentBytes = 10
            #expect(await rig.failure(of: probe) == failure, "in pieces of \(pieceBytes)")
        }
    }

    @Test(
        "what is no answer fails with a reason",
        arguments: [
            ("", "the connection was closed before the answer ended"),
            ("HTTP/1.1 200", "the connection was closed before the answer ended"),
            ("SSH-2.0-OpenSSH\r\n", "a malformed answer: "),
            ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "a malformed answer: "),
            (String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 100), "too many interim answers"),
            ("HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 20_000), "a malformed answer: "),
        ])
    func malformed(bytes: String, failure: String) async {
        let rig = ProbeRig(
            ScriptedUpstream {
                $0.raw(bytes)
                $0.close()
            })
        let reason = await rig.failure(of: HTTPProbe("/"))
        #expect(reason?.hasPrefix(failure) == true, "\(reason ?? "passed")")
    }

    @Test("a reset and a refused connection fail")
    func broken() async {
        let reset = await ProbeRig(ScriptedUpstream { $0.reset() }).failure(of: HTTPProbe("/"))
        #expect(reset?.hasPrefix("the connection broke off") == true)
        let refused = await ProbeRig(.refusing).failure(of: HTTPProbe("/"))
        #expect(refused?.hasPrefix("no connection") == true)
    }

    @Test("cancelling gives the connection up, before it is open and behind it", arguments: [true, false])
    func cancelled(connects: Bool) async {
        let rig = ProbeRig(connects ? ScriptedUpstream { $0.hang() } : .hanging)
        let task = Task { await rig.failure(of: HTTPProbe("/")) }
        if connects { await rig.origin.waitForRequests() } else { await rig.origin.waitForConnectionAttempts() }
        task.cancel()
        #expect(await task.value == "CancellationError()")
        if connects { await rig.origin.waitForClosedConnections() }
    }

    @Test("a task that was cancelled before asks nobody for long")
    func cancelledBefore() async {
        let rig = ProbeRig(.hanging)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await rig.failure(of: HTTPProbe("/"))
        }
        #expect(await task.value == "CancellationError()")
    }
}

@Suite("TCPProbe")
struct TCPProbeTests {
    @Test("an open connection passes and is closed without a byte")
    func passes() async {
        let rig = ProbeRig()
        #expect(await rig.failure(of: TCPProbe()) == nil)
        await rig.origin.waitForClosedConnections(rig.origin.connectionsOpened)
        #expect(rig.origin.connectionAttempts == 1 && rig.origin.requests.isEmpty)
    }

    @Test("a refused connection fails")
    func fails() async {
        let failure = await ProbeRig(.refusing).failure(of: TCPProbe())
        #expect(failure?.hasPrefix("no connection") == true)
    }
}
