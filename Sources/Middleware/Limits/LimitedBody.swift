import NIOCore

/// A body that is counted as it is read, and fails past its limit.
package final class LimitedBody: BodySource {
    private let source: any BodySource
    private let limit: Int
    private var left: Int
    private var failure: BodyTooLarge?

    package init(_ source: any BodySource, limit: Int) {
        self.source = source
        self.limit = limit
        left = max(0, limit)
    }

    package var knownLength: Int? { source.knownLength }
    package var isReady: Bool { failure != nil || source.isReady }

    package func read() async throws -> BodyPart {
        if let failure { throw failure }
        let part = try await source.read()
        guard case .bytes(let bytes) = part else { return part }
        guard bytes.readableBytes <= left else {
            let failure = BodyTooLarge(limit: limit)
            self.failure = failure
            LimitMetric.refused[.bodyCount].increment()
            source.cancel(failure)
            throw failure
        }
        left -= bytes.readableBytes
        return part
    }

    package func cancel(_ reason: any Error) { source.cancel(reason) }
}
