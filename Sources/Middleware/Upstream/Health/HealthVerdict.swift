/// What ``OutlierDetection`` has decided about an endpoint: its flag is to be changed, and an event to be told.
package struct HealthVerdict: Sendable {
    /// What is to change.
    package enum Change: Sendable, Hashable {
        /// It is out for so many nanoseconds.
        case ejected(nanoseconds: Int64)
        /// Its time out is over.
        case returned
    }

    /// Whom it is about.
    package let record: EndpointRecord
    /// What changes.
    package let change: Change
    /// Why, in words.
    package let reason: String
}
