public import HTTPTypes

/// The part of a request that decides where it goes, so that equal requests go to the same endpoint.
///
/// The hash is the same on every machine and in every process, so that several gateways agree.
public struct BalancingKey: Sendable {
    enum Rule: Sendable {
        case clientAddress
        case header(HTTPField.Name)
        case cookie(String)
        case query(String)
        case path
        case target
        case host
        case text(@Sendable (Request, RequestContext) -> String?)
    }

    let rule: Rule
}
