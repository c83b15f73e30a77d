import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Body")
struct BodyTests {
    private struct Broken: Error {}

    @Test("bytes at hand know their length and can be read again")
    func bytesAtHand() async throws {
        let body = Body.bytes(ByteBuffer(string: "abc"), trailers: [.eTag: "1"])
        #expect(body.knownLength == 3)
        #expect(body.isReplayable && !body.isEmpty)
        for _ in 0..<2 {
            let (content, trailers) = try await drain(try body.open())
            #expect(content == "abc")
            #expect(trailers?[.eTag] == "1")
        }
        body.discard()
        #expect(String(buffer: try await body.collect(upTo: 3)) == "abc")
        #expect(String(buffer: try await Body.text("é").collect(upTo: 2)) == "é")
    }

    @Test("no bytes and no trailers are an empty body")
    func empty() async throws {
        #expect(Body.bytes(ByteBuffer()).isEmpty)
        #expect(Body.text("").isEmpty)
        #expect(!Body.bytes(ByteBuffer(), trailers: [:]).isEmpty)
        #expect(Body.empty.knownLength == 0)
        #expect(Body.empty.isReplayable)
        #expect(try await Body.empty.collect(upTo: 0).readableBytes == 0)
        #expect(try await drain(try Body.empty.open()).trailers == nil)
    }

    @Test("a stream is opened once, whatever the number of copies")
    func openedOnce() async throws {
        let source = GatedSource("abc", knownLength: 3)
        let body = Body.stream(source)
        let copy = body
        #expect(body.knownLength == 3)
        #expect(!body.isReplayable && !body.isEmpty)
        let opened = try body.open()
        #expect(throws: BodyConsumed.self) { try copy.open() }
        #expect(throws: BodyConsumed.self) { try body.chunks() }
        await #expect(throws: BodyConsumed.self) { try await copy.collect(upTo: 10) }
        #expect(copy.knownLength == nil)
        copy.discard()
        #expect(!source.isCancelled)
        #expect(try await text(opened) == "abc")
    }

    @Test("a stream that is dropped unread cancels its source with the last copy")
    func droppedUnread() {
        let source = GatedSource()
        var body: Body? = Body.stream(source)
        var copy = body
        body = nil
        #expect(!source.isCancelled)
        #expect(copy != nil)
        copy = nil
        #expect(source.cancelReason is CancellationError)
    }

    @Test("a discarded stream is cancelled with the reason and cannot be opened")
    func discarded() {
        let source = GatedSource()
        let body = Body.stream(source)
        body.discard(Broken())
        body.discard()
        #expect(source.cancelReason is Broken)
        #expect(throws: BodyConsumed.self) { try body.open() }
    }

    @Test("collecting joins the parts up to and including the limit")
    func collects() async throws {
        let source = GatedSource("abc", "", "de")
        source.finish(trailers: [.eTag: "1"])
        #expect(String(buffer: try await Body.stream(source).collect(upTo: 5)) == "abcde")
        let nothing = GatedSource()
        nothing.finish()
        #expect(try await Body.stream(nothing).collect(upTo: 0).readableBytes == 0)
    }

    @Test("collecting past the limit throws and cancels the source")
    func collectsTooMuch() async {
        let source = GatedSource("abc", "def")
        let error = await #expect(throws: BodyTooLarge.self) { try await Body.stream(source).collect(upTo: 5) }
        #expect(error?.limit == 5)
        #expect(source.cancelReason is BodyTooLarge)
        await #expect(throws: BodyTooLarge.self) { try await Body.text("abc").collect(upTo: 2) }
    }

    @Test("a length that is known to be too much is refused before anything is read")
    func knownToBeTooMuch() async {
        let source = GatedSource("abcdef", knownLength: 6)
        await #expect(throws: BodyTooLarge.self) { try await Body.stream(source).collect(upTo: 5) }
        #expect(source.reads == 0)
        #expect(source.isCancelled)
    }

    @Test("a live body is not collected, and stays readable")
    func live() async throws {
        let source = GatedSource("event")
        var body = Body.stream(source)
        body.isLive = true
        await #expect(throws: BodyIsLive.self) { try await body.collect(upTo: 100) }
        #expect(!source.isCancelled)
        #expect(try await text(try body.open()) == "event")
    }

    @Test("a failure of the source comes out of collect")
    func collectFails() async {
        let source = GatedSource("abc")
        source.fail(Broken())
        await #expect(throws: Broken.self) { try await Body.stream(source).collect(upTo: 100) }
    }

    @Test("chunks come one by one until the end")
    func chunks() async throws {
        let source = GatedSource("a", "b")
        source.finish()
        var seen: [String] = []
        for try await chunk in try Body.stream(source).chunks() { seen.append(String(buffer: chunk)) }
        #expect(seen == ["a", "b"])
        #expect(!source.isCancelled)
        let iterator = try Body.text("x").chunks().makeAsyncIterator()
        #expect(try await iterator.next().map { String(buffer: $0) } == "x")
        #expect(try await iterator.next() == nil)
        #expect(try await iterator.next() == nil)
    }

    @Test("leaving the loop over the chunks cancels the source")
    func breakCancels() async throws {
        let source = GatedSource("a", "b")
        for try await _ in try Body.stream(source).chunks() { break }
        #expect(source.cancelReason is CancellationError)
        let unread = GatedSource("a")
        _ = try Body.stream(unread).chunks()
        #expect(unread.isCancelled)
    }

    @Test("a failure ends the loop over the chunks with the error")
    func chunksFail() async throws {
        let source = GatedSource("a")
        source.fail(Broken())
        var seen = 0
        await #expect(throws: Broken.self) {
            for try await _ in try Body.stream(source).chunks() { seen += 1 }
        }
        #expect(seen == 1)
    }
}

@Suite("BodySource of bytes at hand")
struct BufferedSourceTests {
    private struct Broken: Error {}

    @Test("it gives one part, the end with trailers, and then throws")
    func order() async throws {
        let source = try Body.bytes(ByteBuffer(string: "abc"), trailers: [.eTag: "1"]).open()
        #expect(source.knownLength == 3)
        #expect(source.isReady)
        #expect(try await text(source) == "abc")
        guard case .end(let trailers) = try await source.read() else {
            Issue.record("the end did not come")
            return
        }
        #expect(trailers?[.eTag] == "1")
        await #expect(throws: BodyConsumed.self) { try await source.read() }
    }

    @Test("a cancel is idempotent, and every later read throws its reason")
    func cancel() async throws {
        let source = try Body.text("abc").open()
        source.cancel(Broken())
        source.cancel(CancellationError())
        for _ in 0..<2 { await #expect(throws: Broken.self) { try await source.read() } }
        let ended = try Body.empty.open()
        _ = try await ended.read()
        ended.cancel(Broken())
        await #expect(throws: BodyConsumed.self) { try await ended.read() }
    }

    @Test("a source is not ready unless it says so")
    func readiness() {
        final class Silent: BodySource {
            var knownLength: Int? { nil }
            func read() async throws -> BodyPart { .end(trailers: nil) }
            func cancel(_ reason: any Error) {}
        }
        #expect(!Silent().isReady)
    }
}
