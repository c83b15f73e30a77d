/// A body under a deadline that lasts until its end.
final class ScopedBody: BodySource {
    private let source: any BodySource
    private var scope: DeadlineScope?

    init(_ source: any BodySource, until scope: consuming DeadlineScope) {
        self.source = source
        self.scope = consume scope
    }

    var knownLength: Int? { source.knownLength }
    var isReady: Bool { source.isReady }

    func read() async throws -> BodyPart {
        do {
            let part = try await source.read()
            if case .end = part { scope = nil }
            return part
        } catch {
            scope = nil
            throw error
        }
    }

    func cancel(_ reason: any Error) {
        scope = nil
        source.cancel(reason)
    }
}
