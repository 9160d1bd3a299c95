{{/* A store of one pod. Takes (dict "root" $ "store" "valkey" "values" values "user" uid "port" port "path" folder "scratch" (list folder)). */}}
{{- define "docparse.store" -}}
{{- $name := printf "%s-%s" (include "docparse.name" .root) .store -}}
{{- $component := dict "root" .root "component" .store -}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels:
    {{- include "docparse.labels" $component | nindent 4 }}
spec:
  serviceName: {{ $name }}
  replicas: 1
  selector:
    matchLabels:
      {{- include "docparse.selector" $component | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "docparse.labels" $component | nindent 8 }}
    spec:
      serviceAccountName: {{ include "docparse.serviceAccount" .root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      securityContext:
        {{- include "docparse.podSecurity" .user | nindent 8 }}
      containers:
        - name: {{ .store }}
          image: {{ .values.image }}
          {{- include (printf "docparse.container.%s" .store) .root | nindent 10 }}
          securityContext:
            {{- include "docparse.containerSecurity" .root | nindent 12 }}
          ports:
            - {name: main, containerPort: {{ .port }}}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: {{ .path }}}
            - {name: tmp, mountPath: /tmp}
            {{- range .scratch }}
            - {name: tmp, mountPath: {{ . }}, subPath: {{ base . }}}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 2Gi
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .values.size }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- include "docparse.labels" $component | nindent 4 }}
spec:
  selector:
    {{- include "docparse.selector" $component | nindent 4 }}
  ports:
    - {name: main, port: {{ .port }}, targetPort: main}
{{- end -}}
