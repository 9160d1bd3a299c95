{{/* The name of a release's objects; a release that has docparse in its name is not called docparse twice. */}}
{{- define "docparse.name" -}}
{{- if contains "docparse" .Release.Name }}{{ .Release.Name | trunc 45 | trimSuffix "-" }}{{ else }}{{ printf "%s-docparse" .Release.Name | trunc 45 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{/* Labels by which Services and policies find pods. Takes (dict "root" $ "component" "api"). */}}
{{- define "docparse.selector" -}}
app.kubernetes.io/name: docparse
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "docparse.labels" -}}
{{ include "docparse.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Takes (dict "root" $ "target" "api"), and "tag" where a pool has one of its own. */}}
{{- define "docparse.image" -}}
{{ .root.Values.image.repository }}-{{ .target }}:{{ .tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "docparse.secret" -}}
{{ .Values.secrets.existingSecret | default (include "docparse.name" .) }}
{{- end -}}

{{- define "docparse.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "docparse.name" .) }}
{{- end -}}

{{/* Seconds that a pod has to stop: after preStop, open requests or pages get DRAIN_SECONDS, and the last processes as long again. */}}
{{- define "docparse.grace" -}}
{{ add .preStop (mul 2 (int .root.Values.settings.DRAIN_SECONDS)) 10 }}
{{- end -}}

{{/* One variable from the Secret. Takes (dict "root" $ "key" "REDIS_PASSWORD"). */}}
{{- define "docparse.fromSecret" -}}
- name: {{ .key }}
  valueFrom:
    secretKeyRef:
      name: {{ include "docparse.secret" .root }}
      key: {{ .key }}
{{- end -}}

{{/* Addresses of internal services are put together from the passwords of the Secret; those of external ones are in the Secret. */}}
{{- define "docparse.env" -}}
{{- $name := include "docparse.name" . -}}
{{- if .Values.redis.internal }}
{{ include "docparse.fromSecret" (dict "root" . "key" "REDIS_PASSWORD") }}
- name: REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ $name }}-valkey:6379/0
{{- end }}
{{- if .Values.postgresql.internal }}
{{ include "docparse.fromSecret" (dict "root" . "key" "POSTGRES_PASSWORD") }}
- name: DATABASE_URL
  value: postgresql://docparse:$(POSTGRES_PASSWORD)@{{ $name }}-postgresql:5432/docparse
{{- end }}
{{- end -}}

{{- define "docparse.envFrom" -}}
- configMapRef:
    name: {{ include "docparse.name" . }}
- secretRef:
    name: {{ include "docparse.secret" . }}
{{- end -}}

{{- define "docparse.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "docparse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Volumes of the program: documents where storage is local, else scratch space. Takes (dict "root" $ "size" "10Gi"). */}}
{{- define "docparse.volumes" -}}
- name: data
  {{- if eq .root.Values.storage.kind "local" }}
  persistentVolumeClaim:
    claimName: {{ .root.Values.storage.local.existingClaim | default (printf "%s-documents" (include "docparse.name" .root)) }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .size }}
  {{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .size }}
{{- end -}}

{{- define "docparse.mounts" -}}
- name: data
  mountPath: /var/lib/docparse
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/* Pods change when settings or secrets of the chart do. */}}
{{- define "docparse.checksums" -}}
checksum/config: {{ include (print .Template.BasePath "/configmap.yaml") . | sha256sum }}
checksum/secret: {{ include (print .Template.BasePath "/secret.yaml") . | sha256sum }}
{{- end -}}

{{/* Pods of a component on different nodes where there are enough. Takes (dict "root" $ "component" "api"). */}}
{{- define "docparse.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "docparse.selector" . | nindent 6 }}
{{- end -}}

{{/* A pool that KEDA scales. Takes (dict "root" $ "name" name "component" component "scaling" autoscaling). */}}
{{- define "docparse.scaledObject" -}}
{{- $keda := .root.Values.keda -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ .name }}
  labels:
    {{- include "docparse.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ .name }}
  minReplicaCount: {{ .scaling.min }}
  maxReplicaCount: {{ .scaling.max }}
  pollingInterval: {{ $keda.pollingInterval }}
  cooldownPeriod: {{ $keda.cooldownPeriod }}
  triggers:
    {{- $root := .root }}
    {{- range $lane, $seconds := $keda.targetSeconds }}
    {{- if eq $keda.source "prometheus" }}
    - type: prometheus
      name: {{ $lane }}
      metricType: Value
      metadata:
        serverAddress: {{ $keda.prometheus.serverAddress }}
        # Every API pod reports the same queue.
        query: max(docparse_work_seconds{lane="{{ $lane }}"{{ with $keda.prometheus.matchers }},{{ . }}{{ end }}})
        threshold: {{ $seconds | quote }}
        activationThreshold: {{ $keda.activationSeconds | quote }}
    {{- else }}
    - type: metrics-api
      name: {{ $lane }}
      metricType: Value
      metadata:
        url: http://{{ include "docparse.name" $root }}-api.{{ $root.Release.Namespace }}.svc:{{ $root.Values.service.port }}/v1/metrics
        format: prometheus
        valueLocation: docparse_work_seconds{lane="{{ $lane }}"}
        targetValue: {{ $seconds | quote }}
        activationTargetValue: {{ $keda.activationSeconds | quote }}
        authMode: bearer
      authenticationRef:
        name: {{ include "docparse.name" $root }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* An autoscaler by processor time. Takes (dict "root" $ "name" name "component" component "scaling" autoscaling "kind" kind). */}}
{{- define "docparse.hpa" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  labels:
    {{- include "docparse.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: {{ if eq .kind "Rollout" }}argoproj.io/v1alpha1{{ else }}apps/v1{{ end }}
    kind: {{ .kind }}
    name: {{ .name }}
  minReplicas: {{ .scaling.min }}
  maxReplicas: {{ .scaling.max }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .scaling.targetCpuPercent }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
{{- end -}}

{{/* Takes (dict "root" $ "name" name "component" component). */}}
{{- define "docparse.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels:
    {{- include "docparse.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "docparse.selector" . | nindent 6 }}
{{- end -}}
