import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

/// The scripted origin by its bytes: what a gateway's connection would see.
@Suite("ScriptedUpstream")
struct ScriptedUpstreamTests {
    private static let address = DialAddress.host("origin", port: 80)

    /// Dials, sends, and gives what came back with the events of the wire.
    private func exchange(
        _ request: String,
        with origin: ScriptedUpstream,
        on worker: Worker
    ) async -> (text: String, events: [String]) {
        let recorder = WireRecorder()
        var wire: (any Wire)?
        _ = ScriptedDialer([Self.address: origin]).dial(Self.address, on: worker) { result in
            wire = try? result.get()
            return recorder
        }
        await settle(worker)
        wire?.write(ByteBuffer(string: request))
        wire?.flush()
        await settle(worker)
        return (recorder.text, recorder.events)
    }

    private func settle(_ worker: Worker) async {
        for _ in 0..<200 {
            await withCheckedContinuation { continuation in
                worker.eventLoop.execute { continuation.resume() }
            }
        }
    }

    private static let get = "GET /a?b=1 HTTP/1.1\r\nHost: origin\r\n\r\n"

    @Test("it answers with a length, and keeps the connection for the next request")
    func answers() async {
        await onLoop { worker in
            let origin = ScriptedUpstream { $0.answer(.ok, "fine \($0.number)", headers: [.server: "test"]) }
            let (text, events) = await exchange(Self.get + Self.get, with: origin, on: worker)
            #expect(
                text
                    == """
                    HTTP/1.1 200 OK\r\nserver: test\r\nContent-Length: 6\r\n\r\nfine 1\
                    HTTP/1.1 200 OK\r\nserver: test\r\nContent-Length: 6\r\n\r\nfine 2
                    """.replacingServerCase())
            #expect(events.isEmpty && origin.openConnections == 1 && origin.problems.isEmpty)
        }
    }

    @Test("it records what came", arguments: [1, 7, 16 << 10])
    func records(pieceBytes: Int) async {
        await onLoop { worker in
            let origin = ScriptedUpstream(pieceBytes: pieceBytes) { $0.answer() }
            let request =
                "POST /a?b=1 HTTP/1.1\r\nHost: origin:81\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n"
            _ = await exchange(request, with: origin, on: worker)
            let seen = origin.requests.first
            #expect(seen?.method == .post && seen?.path == "/a" && seen?.target.query == "b=1")
            #expect(seen?.authority == "origin:81" && seen?.body == "abc" && seen?.trailers?.count == 1)
        }
    }

    @Test("it answers in chunks, with trailers and an informational answer ahead")
    func chunks() async {
        await onLoop { worker in
            let origin = ScriptedUpstream {
                $0.informational(.earlyHints, [.server: "a"])
                $0.answerChunks(.ok, ["one", "two"], trailers: [.server: "b"])
            }
            let (text, _) = await exchange(Self.get, with: origin, on: worker)
            #expect(text.hasPrefix("HTTP/1.1 103 Early Hints\r\n"))
            #expect(
                text.hasSuffix(
                    "chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n" + "server: b\r\n\r\n".replacingServerCase()))
        }
    }

    @Test("it can break off in every way")
    func ends() async {
        await onLoop { worker in
            let reset = await exchange(Self.get, with: ScriptedUpstream { $0.reset() }, on: worker)
            #expect(reset.text.isEmpty && reset.events == ["failed"])
            let close = await exchange(Self.get, with: ScriptedUpstream { $0.close() }, on: worker)
            #expect(close.text.isEmpty && close.events == ["closed"])
            let half = await exchange(Self.get, with: ScriptedUpstream { $0.halfBody(.ok, "ha") }, on: worker)
            #expect(half.text.hasSuffix("Content-Length: 3\r\n\r\nha") && half.events == ["closed"])
            let hang = await exchange(Self.get, with: ScriptedUpstream { $0.hang() }, on: worker)
            #expect(hang.text.isEmpty && hang.events.isEmpty)
            let raw = await exchange(Self.get, with: ScriptedUpstream { $0.raw("garbage") }, on: worker)
            #expect(raw.text == "garbage" && raw.events.isEmpty)
        }
    }

    @Test("a script that does not answer closes the connection and is a problem; so is one that throws")
    func problems() async {
        await onLoop { worker in
            let silent = ScriptedUpstream { _ in }
            #expect(await exchange(Self.get, with: silent, on: worker).events == ["closed"])
            #expect(silent.problems.count == 1)
            let throwing = ScriptedUpstream { _ in throw CancellationError() }
            #expect(await exchange(Self.get, with: throwing, on: worker).events == ["closed"])
            #expect(throwing.problems.first?.contains("threw") == true)
        }
    }

    @Test("a request that breaks the protocol ends the connection and is a problem")
    func malformed() async {
        await onLoop { worker in
            let origin = ScriptedUpstream { $0.answer() }
            let (text, events) = await exchange("GET / HTTP/1.1\r\n\r\n", with: origin, on: worker)
            #expect(text.isEmpty && events == ["closed"])
            #expect(origin.problems.first?.contains("Host") == true && origin.requests.isEmpty)
        }
    }

    @Test("it can answer before the request is complete")
    func early() async {
        await onLoop { worker in
            let origin = ScriptedUpstream(startsAtHead: true) { $0.answer(.contentTooLarge) }
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome"
            let (text, events) = await exchange(head, with: origin, on: worker)
            #expect(text.hasPrefix("HTTP/1.1 413 ") && events.isEmpty)
        }
    }

    @Test("an answer that is not taken holds its script back")
    func backPressure() async {
        await onLoop { worker in
            let origin = ScriptedUpstream { exchange in
                exchange.start()
                for _ in 0..<100 { try await exchange.send(ByteBuffer(repeating: 0x61, count: 10_000)) }
                exchange.finish()
            }
            let recorder = WireRecorder()
            var wire: (any Wire)?
            _ = ScriptedDialer([Self.address: origin]).dial(Self.address, on: worker) { result in
                wire = try? result.get()
                wire?.setReading(false)
                return recorder
            }
            await settle(worker)
            wire?.write(ByteBuffer(string: Self.get))
            wire?.flush()
            await settle(worker)
            #expect(recorder.text.isEmpty)
            wire?.setReading(true)
            await settle(worker)
            await settle(worker)
            #expect(recorder.text.utf8.count > 1_000_000 && recorder.text.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("connections are refused, hang, or fail for want of an origin; attempts are counted")
    func connecting() async {
        await onLoop { worker in
            var seen: [String] = []
            func note(_ result: Result<any Wire, any Error>) -> (any WireHandler)? {
                switch result {
                case .success: seen.append("connected")
                case .failure(let error): seen.append("\(error)")
                }
                return nil
            }
            let refusing = ScriptedUpstream.refusing
            _ = ScriptedDialer([Self.address: refusing]).dial(Self.address, on: worker, completion: note)
            await settle(worker)
            #expect(seen.count == 1 && refusing.connectionAttempts == 1 && refusing.connectionsOpened == 0)
            let hanging = ScriptedUpstream.hanging
            let token = ScriptedDialer([Self.address: hanging]).dial(Self.address, on: worker, completion: note)
            await settle(worker)
            #expect(seen.count == 1)
            token.cancel()
            #expect(seen.last == "\(CancellationError())")
            _ = ScriptedDialer([.host("a", port: 1): refusing]).dial(Self.address, on: worker, completion: note)
            await settle(worker)
            #expect(seen.last == "no origin is scripted for origin:80: there are a:1")
            refusing.connects = .accepted
            _ = ScriptedDialer([Self.address: refusing]).dial(Self.address, on: worker, completion: note)
            await settle(worker)
            #expect(seen.last == "connected" && refusing.connectionsClosed == 1)
        }
    }
}

extension String {
    /// The spelling that HTTPTypes gives to the name.
    fileprivate func replacingServerCase() -> String {
        split(separator: "server: ", omittingEmptySubsequences: false).joined(
            separator: "\(HTTPField.Name.server.rawName): ")
    }
}
