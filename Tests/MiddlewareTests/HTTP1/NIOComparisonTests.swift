import HTTPTypes
import Middleware
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// The same bytes through NIO's own decoders. Where the verdicts differ the sample stands in a table with the section
/// that decides for ours; a difference that is not listed, or one that has gone, fails.
@Suite("HTTP/1.1 decoders beside NIO's")
struct NIOComparisonTests {
    enum Verdict: Equatable, CustomStringConvertible {
        case refused
        /// So many messages were read to the end, with so much content; more bytes may be awaited.
        case read(messages: Int, content: Int)

        var description: String {
            switch self {
            case .refused: "refused"
            case .read(let messages, let content): "\(messages) with \(content) bytes"
            }
        }
    }

    private static func ours(request bytes: [UInt8]) -> Verdict {
        var decoder = RequestDecoder()
        var input = ByteBuffer(bytes: bytes)
        var (messages, content) = (0, 0)
        do {
            while let event = try decoder.next(from: &input) {
                switch event {
                case .head(let head): if head.framing == .none { messages += 1 }
                case .body(let part): content += part.readableBytes
                case .end: messages += 1
                }
            }
            return .read(messages: messages, content: content)
        } catch {
            return .refused
        }
    }

    private static func theirs(request bytes: [UInt8]) -> Verdict {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
        var (messages, content) = (0, 0)
        do {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head: break
                case .body(let part): content += part.readableBytes
                case .end: messages += 1
                }
            }
        } catch {
            _ = try? channel.finish(acceptAlreadyClosed: true)
            return .refused
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return .read(messages: messages, content: content)
    }

    private static func ours(response sample: WireSample) -> Verdict {
        var decoder = ResponseDecoder()
        decoder.start(answering: sample.method, offersUpgrade: sample.offersUpgrade)
        var input = ByteBuffer(bytes: wire(sample.text))
        var (messages, content) = (0, 0)
        func note(_ event: ResponseEvent) {
            switch event {
            case .informational: break
            case .head(let head): if head.framing == .none { messages += 1 }
            case .body(let part): content += part.readableBytes
            case .end: messages += 1
            }
        }
        do {
            while let event = try decoder.next(from: &input) { note(event) }
            if let event = try decoder.close() { note(event) }
            return .read(messages: messages, content: content)
        } catch {
            return .refused
        }
    }

    private static func theirs(response sample: WireSample) -> Verdict {
        let channel = EmbeddedChannel()
        var (messages, content) = (0, 0)
        var failed = false
        do {
            try channel.pipeline.syncOperations.addHandlers([
                HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)),
            ])
            let method = HTTPMethod(rawValue: sample.method.rawValue)
            try channel.writeOutbound(
                HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: method, uri: "/")))
            try channel.writeInbound(ByteBuffer(bytes: wire(sample.text)))
            _ = try channel.finish(acceptAlreadyClosed: true)
        } catch {
            failed = true
        }
        while let part = try? channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head: break
            case .body(let part): content += part.readableBytes
            case .end: messages += 1
            }
        }
        return failed || messages == 0 ? .refused : .read(messages: messages, content: content)
    }

    @Test("Differs on requests exactly where a section says so")
    func requests() {
        let samples = RequestSamples.accepted + RequestSamples.refused
        var differences: [String: String] = [:]
        for sample in samples {
            let (ours, theirs) = (Self.ours(request: wire(sample.text)), Self.theirs(request: wire(sample.text)))
            if ours != theirs { differences[sample.section] = "\(ours), NIO: \(theirs)" }
        }
        #expect(Set(samples.map(\.section)).count == samples.count)
        expectSame(differences, NIODifferences.requests)
    }

    @Test("Differs on responses exactly where a section says so")
    func responses() {
        let samples = ResponseSamples.accepted + ResponseSamples.refused
        var differences: [String: String] = [:]
        for sample in samples {
            let (ours, theirs) = (Self.ours(response: sample), Self.theirs(response: sample))
            if ours != theirs { differences[sample.section] = "\(ours), NIO: \(theirs)" }
        }
        #expect(Set(samples.map(\.section)).count == samples.count)
        expectSame(differences, NIODifferences.responses)
    }

    private func expectSame(_ found: [String: String], _ listed: [String: NIODifferences.Row]) {
        for (section, difference) in found.sorted(by: { $0.key < $1.key }) where listed[section]?.verdicts != difference
        {
            Issue.record("not listed: \(section): \(difference)")
        }
        for section in listed.keys.sorted() where found[section] == nil {
            Issue.record("no longer differs: \(section)")
        }
    }
}
