import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientStreamTracer;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.testing.integration.AbstractInteropTest;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * grpc-java's own interop cases against a server on a Unix socket, one case per run; its official client refuses such
 * targets.
 *
 * <p>Exits with 0 when the case passed, with 1 and what differed when it did not, with 2 for a wrong command line.
 */
public final class Client extends AbstractInteropTest {
  private interface Case {
    void run(Client client) throws Exception;
  }

  private static final Map<String, Case> CASES =
      Map.ofEntries(
          Map.entry("empty_unary", Client::emptyUnary),
          Map.entry("large_unary", Client::largeUnary),
          Map.entry("client_compressed_unary", client -> client.clientCompressedUnary(true)),
          Map.entry("server_compressed_unary", Client::serverCompressedUnary),
          Map.entry("client_streaming", Client::clientStreaming),
          Map.entry("client_compressed_streaming", client -> client.clientCompressedStreaming(true)),
          Map.entry("server_streaming", Client::serverStreaming),
          Map.entry("server_compressed_streaming", Client::serverCompressedStreaming),
          Map.entry("ping_pong", Client::pingPong),
          Map.entry("empty_stream", Client::emptyStream),
          Map.entry("custom_metadata", Client::customMetadata),
          Map.entry("status_code_and_message", Client::statusCodeAndMessage),
          Map.entry("special_status_message", Client::specialStatusMessage),
          Map.entry("unimplemented_method", Client::unimplementedMethod),
          Map.entry("unimplemented_service", Client::unimplementedService),
          Map.entry("cancel_after_begin", Client::cancelAfterBegin),
          Map.entry("cancel_after_first_response", Client::cancelAfterFirstResponse),
          Map.entry("timeout_on_sleeping_server", Client::timeoutOnSleepingServer));

  /** What the two server_compressed cases demand of each message's Compressed-Flag, in the order of the responses. */
  private static final List<Boolean> FIRST_COMPRESSED = List.of(true, false);

  private final String target;
  private final CompressedFlags responses = new CompressedFlags();

  private Client(String target) {
    this.target = target;
  }

  public static void main(String[] args) {
    Map<String, String> flags = args.length == 4 ? Map.of(args[0], args[1], args[2], args[3]) : Map.of();
    String target = flags.get("--target");
    String name = flags.get("--test_case");
    if (target == null || name == null || !CASES.containsKey(name)) {
      System.err.println("usage: grpc-java-client --target unix:PATH --test_case CASE");
      System.exit(2);
    }
    try {
      new Client(target).run(name);
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.exit(1);
    }
    System.exit(0);
  }

  private void run(String name) throws Exception {
    setUp();
    CASES.get(name).run(this);
    tearDown();
    // The library's cases look at payloads alone here.
    if (name.startsWith("server_compressed_") && !responses.seen.equals(FIRST_COMPRESSED)) {
      throw new AssertionError("Compressed-Flags: got " + responses.seen + ", wanted " + FIRST_COMPRESSED);
    }
  }

  @Override
  protected ManagedChannelBuilder<?> createChannelBuilder() {
    return Grpc.newChannelBuilder(target, InsecureChannelCredentials.create());
  }

  @Override
  protected ClientInterceptor[] getAdditionalInterceptors() {
    return new ClientInterceptor[] {responses};
  }

  /** Its server is in another process, where its tracers do not reach. */
  @Override
  protected boolean metricsExpected() {
    return false;
  }

  /** The Compressed-Flag of each message that came. */
  private static final class CompressedFlags extends ClientStreamTracer implements ClientInterceptor {
    final List<Boolean> seen = new CopyOnWriteArrayList<>();

    @Override
    public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
      ClientStreamTracer.Factory factory =
          new ClientStreamTracer.Factory() {
            @Override
            public ClientStreamTracer newClientStreamTracer(StreamInfo info, Metadata headers) {
              return CompressedFlags.this;
            }
          };
      return next.newCall(method, options.withStreamTracerFactory(factory));
    }

    @Override
    public void inboundMessageRead(int sequence, long wireSize, long uncompressedSize) {
      // The size of a message that is still compressed is -1.
      seen.add(wireSize != uncompressedSize);
    }
  }
}
