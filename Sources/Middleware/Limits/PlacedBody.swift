/// A body that holds a place of a concurrency limit to its end.
package final class PlacedBody: BodySource {
    private let source: any BodySource
    private let place: ConcurrencyPlace

    package init(_ source: any BodySource, _ place: ConcurrencyPlace) {
        self.source = source
        self.place = place
    }

    package var knownLength: Int? { source.knownLength }
    package var isReady: Bool { source.isReady }

    package func read() async throws -> BodyPart {
        do {
            let part = try await source.read()
            if case .end = part { place.leave() }
            return part
        } catch {
            place.leave()
            throw error
        }
    }

    package func cancel(_ reason: any Error) {
        source.cancel(reason)
        place.leave()
    }
}
