import HTTPTypes
import Logging
import NIOCore

/// One copy of a request on its way to the shadow.
struct ShadowCopy {
    /// Thrown out of an answer that is longer than is read.
    private struct LongAnswer: Error {}

    private let request: Request
    private let shadow: any Handler
    private let configuration: TrafficMirror.Configuration
    private let place: CopyPlaces.Place

    /// The copy of a head, in memory of its own: it outlives the request.
    init(
        of request: borrowing Request,
        for shadow: any Handler,
        _ configuration: TrafficMirror.Configuration,
        _ place: CopyPlaces.Place
    ) {
        var copy = Request(request.method)
        copy.scheme = request.scheme
        copy.authority = request.authority
        copy.target = request.target.compacted()
        copy.headers = request.headers.compacted()
        // RFC 9110 section 10.1.1: whoever waited for 100 has had it by now.
        copy.headers.remove(known: .expect)
        if let mark = configuration.mark { copy.headers[mark] = "1" }
        self.request = copy
        self.shadow = shadow
        self.configuration = configuration
        self.place = place
    }

    /// Sends it, in spawned work.
    func start(with body: Body, _ context: RequestContext) {
        var request = request
        request.body = body
        // Handed over: the head was made for this copy, and nobody else reads the body.
        let ferry = Ferry(request)
        context.spawn { [shadow, configuration, place] context in
            let scope = context.limit(to: configuration.timeout)
            let outcome = await Self.send(ferry.value, to: shadow, upTo: configuration.answerBytes, context)
            scope.lift()
            ShapingMetric.copies[outcome].increment()
            place.leave()
        }
    }

    private static func send(
        _ request: consuming Request,
        to shadow: any Handler,
        upTo limit: Int,
        _ context: RequestContext
    ) async -> CopyOutcome {
        do {
            let response = try await shadow.handle(request, context: context)
            let status = response.status
            try await read(response, upTo: limit)
            // A proxy in the shadow answers by itself when the time is up.
            if status == .gatewayTimeout { return .late }
            return status.code < 500 ? .answered : .failed
        } catch is LongAnswer {
            return .longAnswer
        } catch {
            context.logger.debug("a copy for the shadow failed", metadata: ["error": "\(error)"])
            let isLate = (error as? any TimeLimited)?.isTimeout == true
            return isLate ? .late : .failed
        }
    }

    /// Reads an answer to its end and drops it. One that has no end, or that takes the connection over, is given up.
    private static func read(_ response: consuming Response, upTo limit: Int) async throws {
        guard !response.body.isLive, !response.isUpgrade else {
            response.body.discard()
            return
        }
        guard !response.body.isReplayable else { return }
        let source = try response.body.open()
        var count = 0
        while case .bytes(let bytes) = try await source.read() {
            count += bytes.readableBytes
            guard count <= limit else {
                source.cancel(LongAnswer())
                throw LongAnswer()
            }
        }
    }
}
