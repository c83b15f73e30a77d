/// An endpoint that was chosen for a request or a connection, and counted in.
///
/// Whoever holds it counts it out once with ``EndpointState/end()``, and tells the cluster how it ended, or that nothing is
/// known (``Cluster/abandon(_:)``).
package struct EndpointChoice: Sendable {
    package let state: EndpointState
    /// What the breakers of the endpoint and of the cluster have said.
    var admission = CircuitBreaker.Admission.passes
    var clusterAdmission = CircuitBreaker.Admission.passes

    /// The endpoint.
    package var endpoint: Endpoint { state.endpoint }
}
