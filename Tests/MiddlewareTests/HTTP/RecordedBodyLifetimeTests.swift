import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("RecordedBody: who keeps the source", .timeLimit(.minutes(1)))
struct RecordedBodyLifetimeTests {
    @Test("a body that needs no recording is shared as it is")
    func bytesAtHand() async throws {
        let empty = try RecordedBody(recording: .empty, upTo: 0)
        #expect(empty.isReplayable)
        #expect(empty.reader().isEmpty)
        let bytes = try RecordedBody(recording: .bytes(ByteBuffer(string: "abc"), trailers: [.eTag: "1"]), upTo: 0)
        for _ in 0..<2 {
            let reader = bytes.reader()
            #expect(reader.isReplayable)
            #expect(reader.knownLength == 3)
            let (content, trailers) = try await drain(try reader.open())
            #expect(content == "abc")
            #expect(trailers?[.eTag] == "1")
        }
        #expect(bytes.isReplayable)
    }

    @Test("a live body is refused and stays as it was")
    func liveBody() throws {
        let source = GatedSource()
        var body = Body.stream(source)
        body.isLive = true
        #expect(throws: BodyIsLive.self) { try RecordedBody(recording: body, upTo: 10) }
        #expect(!source.isCancelled)
        #expect(throws: Never.self) { try body.open() }
    }

    @Test("a stream that was opened before is refused")
    func openedBody() throws {
        let body = Body.stream(GatedSource())
        _ = try body.open()
        #expect(throws: BodyConsumed.self) { try RecordedBody(recording: body, upTo: 10) }
    }

    @Test("readers know the length that the source knew")
    func knownLength() throws {
        let recorded = try RecordedBody(recording: .stream(GatedSource(knownLength: 12)), upTo: 10)
        #expect(recorded.reader().knownLength == 12)
        #expect(try recorded.reader().open().knownLength == 12)
    }

    @Test("the owner alone keeps the source, and letting go of it cancels a source at rest at once")
    func ownerLetsGo() throws {
        let source = GatedSource()
        var recorded: RecordedBody? = try RecordedBody(recording: .stream(source), upTo: 10)
        recorded?.reader().discard()
        _ = recorded?.reader()
        #expect(!source.isCancelled)
        recorded = nil
        #expect(source.isCancelled)
    }

    @Test("a reader keeps the source after the owner has gone, read or not")
    func readerOutlivesOwner() async throws {
        let source = GatedSource("a", "b")
        var recorded: RecordedBody? = try RecordedBody(recording: .stream(source), upTo: 10)
        let body = try #require(recorded?.reader())
        recorded = nil
        #expect(!source.isCancelled)
        var reader: (any BodySource)? = try body.open()
        #expect(try await reader?.read() != nil)
        #expect(!source.isCancelled)
        reader = nil
        #expect(source.isCancelled)
    }

    @Test("readers of an abandoned recording are still served at their own pace")
    func abandonedRecording() async throws {
        let source = GatedSource("a", "b", "c")
        source.finish()
        var recorded: RecordedBody? = try RecordedBody(recording: .stream(source), upTo: 100)
        let one = try #require(try recorded?.reader().open())
        let two = try #require(try recorded?.reader().open())
        recorded = nil
        #expect(try await drain(one).content == "abc")
        #expect(try await drain(two).content == "abc")
    }

    @Test("a source that is being read is cancelled when the last one goes, and the read ends")
    func cancelledWhileReading() async throws {
        let source = GatedSource()
        var recorded: RecordedBody? = try RecordedBody(recording: .stream(source), upTo: 10)
        let body = try #require(recorded?.reader())
        recorded = nil
        let task = Task { try await drain(try body.open()) }
        await source.hasBegun(reads: 1)
        #expect(!source.isCancelled)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await source.hasBeenCancelled()
    }

    @Test("a pull goes on for the owner when its reader has gone")
    func pullOutlivesReader() async throws {
        let source = GatedSource()
        let recorded = try RecordedBody(recording: .stream(source), upTo: 10)
        let task = Task { try await drain(try recorded.reader().open()) }
        await source.hasBegun(reads: 1)
        task.cancel()
        _ = await task.result
        #expect(!source.isCancelled)
        source.give("kept")
        source.finish()
        #expect(try await drain(try recorded.reader().open()).content == "kept")
    }

    @Test("a source that can serve nobody any more is cancelled, owner or not")
    func nobodyCanRead() async throws {
        let source = GatedSource("0123456789", "0123456789")
        let recorded = try RecordedBody(recording: .stream(source), upTo: 10)
        let reader = try recorded.reader().open()
        _ = try await reader.read()
        _ = try await reader.read()
        #expect(!recorded.isReplayable)
        #expect(!source.isCancelled)
        reader.cancel(CancellationError())
        #expect(source.isCancelled)
        await #expect(throws: BodyOutrun.self) { try await recorded.reader().open().read() }
    }

    @Test("nothing is left of a recording that was read to its end")
    func released() async throws {
        var source: GatedSource? = GatedSource("a")
        source?.finish()
        weak let kept = source
        let recorded = try RecordedBody(recording: .stream(try #require(source)), upTo: 10)
        source = nil
        #expect(try await drain(try recorded.reader().open()).content == "a")
        #expect(await eventually { kept == nil })
        #expect(recorded.isReplayable)
    }
}
