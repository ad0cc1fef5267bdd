import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.testing.integration.TestServiceImpl;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/**
 * grpc-java's own interop service on Unix sockets; its official server listens on TCP alone.
 *
 * <p>Says "listening on ENDPOINT" for each once it is ready. SIGTERM ends it. Asked for a case by --test_case instead,
 * it exits with 0 if it can serve that.
 */
public final class Server {
  private static final String SCHEME = "unix:";

  private Server() {}

  public static void main(String[] args) throws Exception {
    if (args.length == 2 && args[0].equals("--test_case")) {
      return; // It serves every case.
    }
    List<String> endpoints = endpoints(args);
    ScheduledExecutorService pauses = Executors.newScheduledThreadPool(1);
    EventLoopGroup events = new EpollEventLoopGroup();
    NettyServerBuilder builder = null;
    for (String endpoint : endpoints) {
      DomainSocketAddress address = new DomainSocketAddress(endpoint.substring(SCHEME.length()));
      builder = builder == null ? NettyServerBuilder.forAddress(address) : builder.addListenAddress(address);
    }
    builder
        .channelType(EpollServerDomainSocketChannel.class)
        .bossEventLoopGroup(events)
        .workerEventLoopGroup(events)
        .addStreamTracerFactory(Testing.CompressedFlag.FACTORY)
        .addService(ServerInterceptors.intercept(new Testing(pauses), TestServiceImpl.interceptors()))
        .build()
        .start();
    endpoints.forEach(endpoint -> System.out.println("listening on " + endpoint));
  }

  private static List<String> endpoints(String[] args) {
    List<String> endpoints = new ArrayList<>();
    for (int at = 0; at + 1 < args.length; at += 2) {
      if (args[at].equals("--listen") && args[at + 1].startsWith(SCHEME)) {
        endpoints.add(args[at + 1]);
      }
    }
    if (endpoints.isEmpty() || args.length != 2 * endpoints.size()) {
      System.err.println("usage: grpc-java-server --listen unix:PATH [--listen unix:PATH]...");
      System.exit(2);
    }
    return endpoints;
  }
}
