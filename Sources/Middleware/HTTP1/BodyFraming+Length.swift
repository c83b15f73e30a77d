extension BodyFraming {
    /// The length that the framing declares, `nil` where it declares none.
    package var declaredLength: Int? {
        switch self {
        case .none: 0
        case .length(let length): length
        case .chunked, .untilClose: nil
        }
    }
}
